"""Boards that wait for their WiFi, and clients of Bluetooth that meet them.

`air`, `radio`, `flash` and `make` are fixtures of tests/system.
"""

import itertools
import json
import shutil

import pytest
from bleak import BleakScanner
from improv_ble_client import ImprovBLEClient, device_filter

from host.builder import release, runtime
from host.deploy import agent
from host.deploy.board import Board
from host.deploy.files import Copier
from simulator import VirtualBoard
from simulator.air import Air
from tests.bluetooth import bleak_on

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
def make(board_maker, air, flash, tmp_path):
    """Makes such boards; they wait for WiFi."""
    numbers = itertools.count(1)

    def one(**config):
        folder = tmp_path / f"new{next(numbers)}"
        folder.mkdir()
        shutil.copy(flash, folder)
        board = board_maker(air=air, folder=folder)
        board.power_on()
        mark = 0
        if config:
            line = at_prompt(board)
            line.run(agent.apply({"config": config}))
            mark = board.mark
            line.reset(agent.RESET)
            line.close()
        board.wait_for(READY, since=mark)
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
