"""A new board gets its WiFi from unmodified Improv clients, from a terminal, over the cable."""

import asyncio

import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakError
from improv_ble_client import SERVICE_DATA_UUID, Error, State
from improv_ble_client.errors import ProvisioningFailed

from host.provisioning import board as improv
from host.provisioning import serial
from simulator import AccessPoint
from simulator.radio import ODD_BYTES
from tests.provisioning import at_prompt, kept, leave, meet

CONNECTED = "bluetooth: a client is here"
UART = "6e40000%d-b5a3-f393-e0a9-e50e24dcca9e"
COMMAND = "00467768-6228-2272-4663-277478268003"
IDENTIFY = b"\x02\x00\x02"


def test_an_improv_client_sets_a_new_board_up(make, air, radio):
    board = make()

    async def talk():
        client = await meet(board)
        info = await client.get_device_info()
        networks = (await client.scan_wifi()).networks
        names = await client.get_hostname(), await client.set_hostname("kitchen")
        await client.identify()
        with pytest.raises(ProvisioningFailed) as caught:
            await client.provision("home", "wrong-secret", None)
        client = await meet(board)
        url = await client.provision("home", "secret12", None)
        await leave(client)
        return info, networks, names, caught.value.error, url

    info, networks, names, error, url = air.run(talk())
    assert info.firmware_name == b"mpfleet"
    assert info.hardware_chip == b"ESP32_GENERIC"
    assert networks == [(b"home", b"-55", b"WPA2")]
    assert names == ("mpfleet-000001", "kitchen")
    assert error == Error.UNABLE_TO_CONNECT
    board.wait_for("power: provisioned")
    board.wait_for("wifi: joined home", since=board.console_text.index("power: provisioned"))
    code = kept(board, "claim.json")["code"]
    assert url == f"https://10.0.0.1:8443/claim?device=246f28000001&code={code}"
    assert kept(board, "wifi.json") == [{"ssid": "home", "password": "secret12"}]
    assert kept(board, "config.json")["hostname"] == "kitchen"


def test_eight_boards_at_once(make, air, radio):
    boards = [make() for _ in range(8)]

    async def one(board):
        client = await meet(board)
        url = await client.provision("home", "secret12", None)
        await leave(client)
        return url.partition("&")[0]

    async def all_of_them():
        return await asyncio.gather(*map(one, boards))

    urls = air.run(all_of_them())
    expected = [f"https://10.0.0.1:8443/claim?device={b.unique_id.hex()}" for b in boards]
    assert urls == expected
    for board in boards:
        board.wait_for("power: provisioned")


def test_a_closed_board_takes_settings_once_its_button_is_pressed(make, air, radio):
    board = make(provisioning="button")

    async def refused():
        client = await meet(board)
        needed = await client.need_authorization()
        with pytest.raises(ProvisioningFailed) as caught:
            await client.provision("home", "secret12", None)
        return needed, caught.value.error

    async def taken():
        client = await meet(board)
        states = asyncio.Queue()
        await client.subscribe_state_updates(states.put_nowait)
        board.press_button()
        while await asyncio.wait_for(states.get(), 5) != State.AUTHORIZED:
            pass
        url = await client.provision("home", "secret12", None)
        await leave(client)
        return url

    assert air.run(refused()) == (True, Error.NOT_AUTHORIZED)
    assert air.run(taken()).startswith("https://10.0.0.1:8443/claim?")


def test_the_advertisement_tells_the_state(make, air, radio):
    board = make(provisioning="button")

    async def heard(state):
        def says(device, advertisement):
            told = advertisement.service_data.get(SERVICE_DATA_UUID, b"\0")
            return device.address == board.bluetooth.address and told[0] == state

        return await BleakScanner.find_device_by_filter(says, timeout=10)

    assert air.run(heard(State.AUTHORIZATION_REQUIRED))
    board.press_button()
    assert air.run(heard(State.AUTHORIZED))


def test_a_client_that_leaves_half_way_does_not_end_what_it_began(make, air, radio):
    board = make()

    async def hurry():
        client = await meet(board)
        settings = b"\x01\x0e\x04home\x08secret12"
        whole = settings + bytes((sum(settings) & 255,))
        await client._client.write_gatt_char(COMMAND, whole[:9], True)
        await client._client.write_gatt_char(COMMAND, whole[9:], True)
        await leave(client)

    air.run(hurry())
    board.wait_for("power: provisioned")
    assert kept(board, "wifi.json") == [{"ssid": "home", "password": "secret12"}]


def test_a_network_may_have_a_name_that_is_no_text(make, air, radio):
    odd = bytes(range(0xE0, 0x100))
    board = make()
    board.radio.access_points.append(AccessPoint(odd.decode(errors=ODD_BYTES), "secret12"))

    async def talk():
        client = await meet(board)
        found = (await client.scan_wifi()).networks
        settings = b"\x01\x2a\x20" + odd + b"\x08secret12"
        whole = settings + bytes((sum(settings) & 255,))
        await client._client.write_gatt_char(COMMAND, whole, True)
        return {bytes(ssid) for ssid, _, _ in found}

    assert air.run(talk()) == {b"home", odd}
    board.wait_for("power: provisioned")
    board.wait_for("wifi: joined b'", since=board.console_text.index("power: provisioned"))
    assert kept(board, "wifi.json") == [{"ssid_hex": odd.hex(), "password": "secret12"}]


async def at_terminal(board, said):
    """A Bluetooth terminal that is connected with this board; what comes is added to `said`."""
    device = await BleakScanner.find_device_by_address(board.bluetooth.address, timeout=10)
    client = BleakClient(device)
    await client.connect()
    await client.start_notify(UART % 3, lambda _, data: said.extend(data))
    return client


async def until(said, text):
    """Wait for words in what came."""
    async with asyncio.timeout(10):
        while text.encode() not in said:
            await asyncio.sleep(0.02)


def test_a_person_at_a_terminal_types_two_lines(make, air, radio):
    board, said = make(), bytearray()

    async def talk():
        client = await at_terminal(board, said)
        for piece in (b"home\r", b"\n"):
            await client.write_gatt_char(UART % 2, piece, True)
        await until(said, "Password?")
        for piece in (b"secret", b"12", b"\r\n"):  # quick ones, without an answer
            await client.write_gatt_char(UART % 2, piece, False)
        await until(said, "make the board yours: https://10.0.0.1:8443/claim?device=")
        await until(said, "Done.")
        await client.disconnect()

    air.run(talk())
    board.wait_for("power: provisioned")


@pytest.mark.parametrize(("passkey", "typed"), ((0, None), (424242, 424242), (7, 424242)))
def test_a_paired_board_takes_settings_from_who_pairs(make, air, radio, passkey, typed):
    board = make(paired=True, passkey=passkey)
    radio.passkey = typed

    async def plain():
        client = await meet(board)
        with pytest.raises(BleakError):
            await client._client.write_gatt_char(COMMAND, IDENTIFY, True)
        return client

    async def paired():
        client = await plain()
        await client._client.pair()
        return await client.provision("home", "secret12", None)

    if passkey in (0, typed):
        assert air.run(paired()).startswith("https://")
    else:
        with pytest.raises(Exception, match=r"pairing|PAIRING|CONFIRM|passkey"):
            air.run(paired())
        assert "wifi: joined" not in board.console_text


def test_improv_and_deploy_share_the_serial_port(make):
    board = make(provisioning="button")  # by the cable it needs no press
    said = []

    async def talk():
        async with serial.connect(board.port) as port:
            networks = await port.scan()
            return networks, await improv.sequence(
                port, "home", "secret12", "kitchen", lambda *words: said.append(words)
            )

    async def ask():
        async with serial.connect(board.port) as port:
            return await port.identity()

    assert asyncio.run(ask()).name == "mpfleet-000001"
    at_prompt(board).close()  # what deploy does first
    board.reset()
    networks, url = asyncio.run(talk())  # it asks while the board starts
    assert networks == [improv.Network("home", -55, False)]
    assert url.startswith("https://10.0.0.1:8443/claim?device=246f28000001&code=")
    assert [word for word, _ in said] == ["board", "name", "join", "joined"]
    assert kept(board, "wifi.json") == [{"ssid": "home", "password": "secret12"}]
