"""A board that its author worked on, as its host sees it, until it takes a release again."""


import pytest

from examples import fleet
from host.deploy.board import Board
from host.dev import slot, sources
from host.rig.process import free_port
from tests import app_folders

_NVS_NUMBER = 105
APP = "async def main(board):\n    board.log('version {word}')\n"


@pytest.fixture
def folder(tmp_path):
    """An app folder."""
    return app_folders.make(tmp_path, APP.format(word="one"))


@pytest.fixture
def client(tmp_path, folder):
    """A client of a host with one release."""
    with (tmp_path / "log").open("w") as log:
        host = fleet.Host(tmp_path / "data", free_port(), free_port(), log)
        try:
            host.wait_until_ready()
            client = host.sign_in()
            client.host = host
            fleet.publish(client, folder, host.passphrase)
            yield client
            client.close()
        finally:
            host.stop()


@pytest.fixture
def board(tmp_path, client):
    """A board that is online with release 1."""
    with fleet.new_board(tmp_path / "board", 7) as board:
        board.nvs.set("mpfleet", "rollback", _NVS_NUMBER, (1).to_bytes(4, "little"))
        board.nvs.commit("mpfleet")  # deploy finds it out: tests/system/test_deploy_rollback.py
        board.power_on()
        board.device = fleet.set_up(
            board, client, "blink", client.host, trial_s=8, contact_s=6
        ).device
        yield board


def put(board, folder):
    """What `mpfleet dev` does at a save."""
    port = Board(board.port)
    port.stop()
    slot.fill(port, sources.read(folder).files)
    port.restart()
    port.close()


def test_a_board_is_unmanaged_until_it_takes_a_release_again(board, client, folder):
    def seen():
        device = client.get(f"/devices/{board.device}")
        return device["online"], device["unmanaged"], device["number"]

    fleet.wait_for("release 1", lambda: seen() == (True, False, 1), 20)
    (folder / "app/main.py").write_text(APP.format(word="two"))
    put(board, folder)
    fleet.wait_for("unmanaged", lambda: seen() == (True, True, 0), 20)
    at = board.mark
    fleet.assign(client, board.device, "blink", 1)
    fleet.wait_for("release 1 again", lambda: seen() == (True, False, 1), 40)
    assert board.wait_for("version one", since=at) > 0
    reports = fleet.wait_for(
        "its report", lambda: client.get(f"/devices/{board.device}/reports"), 20
    )
    assert (reports[0]["outcome"], reports[0]["number"]) == ("done", 1)
    assert reports[0]["bytes"]["fetched"] < 5000  # of 60 kB: manifest, and the changed file
