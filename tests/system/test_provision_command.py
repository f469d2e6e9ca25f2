"""`mpfleet provision` gives boards their WiFi, over the virtual air and over a cable."""

import json

import pytest
from click.testing import CliRunner

from host.cli import main
from host.provisioning import Network, ProvisioningError, bluetooth, sequence


def provision(board, *words):
    return CliRunner().invoke(main, ["provision", "--serial", board.port, *words])


async def by_bluetooth(board, act):
    """Find the board among those nearby, connect, and do something."""
    device = bluetooth.named(await bluetooth.find(3), board.bluetooth.address)
    async with bluetooth.connect(device) as found:
        return await act(found)


def quiet(step, text):
    """Nobody looks on."""


def test_a_board_is_given_its_wifi_over_a_cable(make):
    board = make()
    given = ("--wifi", "home", "--wifi-password", "secret12", "--hostname", "kitchen", "--json")
    result = provision(board, *given)
    assert result.exit_code == 0, result.output
    url = json.loads(result.stdout)["claim_url"]
    assert url.startswith(f"https://10.0.0.1:8443/claim?device={board.unique_id.hex()}&code=")
    board.wait_for("power: provisioned")


def test_a_wrong_password_is_said_with_what_to_do(make):
    result = provision(make(), "--wifi", "home", "--wifi-password", "wrong-secret")
    assert (result.exit_code, "unable-to-connect" in result.stderr) == (1, True)


def test_what_no_wifi_has_never_reaches_the_board(make):
    result = provision(make(), "--wifi", "x" * 33, "--wifi-password", "secret12")
    assert (result.exit_code, "bad-ssid" in result.stderr) == (1, True)
    assert "connect" not in result.stderr  # the first thing it would do


def test_a_board_is_given_its_wifi_by_bluetooth(make, air, radio):
    board = make()

    async def act(found):
        await found.identify()
        networks = await found.scan()
        return networks, await sequence(found, "home", "secret12", "kitchen", quiet)

    networks, url = air.run(by_bluetooth(board, act))
    assert networks == [Network("home", -55, is_open=False)]
    assert url.startswith(f"https://10.0.0.1:8443/claim?device={board.unique_id.hex()}&code=")
    board.wait_for("power: provisioned")


def test_a_board_that_wants_its_button_pressed_is_waited_for(make, air, radio):
    board = make(provisioning="button")
    said = []

    def press_when_asked(step, text):
        said.append(step)
        if step == "button":
            board.press_button()

    async def act(found):
        return await sequence(found, "home", "secret12", "", press_when_asked)

    air.run(by_bluetooth(board, act))
    assert said == ["board", "button", "join", "joined"]


def test_a_refusal_by_bluetooth_has_its_word(make, air, radio):
    async def act(found):
        with pytest.raises(ProvisioningError) as caught:
            await sequence(found, "home", "wrong-secret", "", quiet)
        return caught.value.code

    assert air.run(by_bluetooth(make(), act)) == "unable-to-connect"
