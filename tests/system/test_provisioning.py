"""A new board gets its WiFi from unmodified Improv clients, from a terminal, over the cable."""

import asyncio
import itertools
import json
import shutil

import pytest
from bleak import BleakScanner
from improv_ble_client import Error, ImprovBLEClient, device_filter
from improv_ble_client.errors import ProvisioningFailed

from host.builder import release, runtime
from host.deploy import agent
from host.deploy.board import Board
from host.deploy.files import Copier
from simulator import VirtualBoard
from simulator.air import Air
from tests.bluetooth import bleak_on
from tests.boards import board_maker  # noqa: F401 - a fixture

SETUP = {
    "host": {"addresses": ["10.0.0.1"], "port": 8443, "mqtt_port": 8883, "name": "mpfleet"},
    "ca": "AAEC",
    "floor": 820000000,
    "config": {"product": "blink", "model": "ESP32_GENERIC"},
    "watchdog_s": 90,
}
READY = "provisioning: as mpfleet-0000"


@pytest.fixture
def air():
    one = Air()
    yield one
    one.close()


@pytest.fixture
def radio(air, monkeypatch):
    """The computer's radio, which bleak uses."""
    with bleak_on(air, monkeypatch) as one:
        yield one


@pytest.fixture(scope="session")
def flash(tmp_path_factory):
    """The flash of a board as deploy leaves it, without WiFi."""
    folder = tmp_path_factory.mktemp("deployed")
    with VirtualBoard(folder) as board:
        board.power_on()
        files = {**release.golden(), **runtime.starters()}
        line = at_prompt(board)
        Copier(line).copy(
            {f"/{path}": content for path, content in files.items()}, lambda *_: None
        )
        line.run(agent.apply(SETUP))
        line.close()
    return folder / "flash.bin"


@pytest.fixture
def make(board_maker, air, flash, tmp_path):  # noqa: F811
    """Makes such boards; they wait for WiFi."""
    numbers = itertools.count(1)

    def one(**config):
        folder = tmp_path / f"new{next(numbers)}"
        folder.mkdir()
        shutil.copy(flash, folder)
        board = board_maker(air=air, folder=folder)
        board.power_on()
        if config:
            line = at_prompt(board)
            line.run(agent.apply({"config": config}))
            line.reset(agent.RESET)
            line.close()
        board.wait_for(READY)
        return board

    return one


def at_prompt(board):
    """The serial line of a board that was stopped."""
    line = Board(board.port)
    line.stop()
    line.run(agent.SOURCE)
    return line


async def meet(board):
    """An Improv client that is connected with this board."""
    address = board.bluetooth.address

    def is_it(device, advertisement):
        return device.address == address and device_filter(advertisement)

    device = await BleakScanner.find_device_by_filter(is_it, timeout=10)
    client = ImprovBLEClient(device)
    await client.ensure_connected()
    return client


async def leave(client):
    await client._client.disconnect()


def kept(board, name):
    """A state file, read at the prompt of the board after its reset."""
    line = at_prompt(board)
    found = json.loads(line.run(f"print(open('/state/{name}').read())"))
    line.close()
    return found


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
