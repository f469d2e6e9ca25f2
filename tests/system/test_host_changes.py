"""A board and a host whose certificate, or whole house, is another than when they met."""

import contextlib
import datetime as dt
import json
import shutil
import ssl
import time
from base64 import b64decode

import pytest
from click.testing import CliRunner

from device.protocol import EPOCH_2000
from examples import fleet
from host import pki
from host.cli import main, profile, verified
from host.rig.process import free_port
from tests import app_folders

_NVS_NUMBER = 105
_DAY_S = 24 * 3600
_NEW_ADDRESS = "fleet.test"
_APP = """
import asyncio


async def main(board):
    while True:
        await asyncio.sleep(1)
"""


def days_from_now(days):
    return dt.datetime.now(dt.UTC) + dt.timedelta(days)


class House:
    """Where a host lives: a data folder and two ports. `open()` starts it there."""

    def __init__(self, data, founded_at):
        self.data, self.ports = data, (free_port(), free_port())
        pki.ensure(self._pki, "mpfleet", (), founded_at)

    def renew(self, now):
        """What a host does at this moment; whether its certificate is another."""
        return pki.ensure(self._pki, *pki.names(self._pki), now)

    @property
    def _pki(self):
        return self.data / "pki"

    @property
    def ca_file(self):
        return self._pki / "ca.pem"

    @contextlib.contextmanager
    def open(self):
        """A client of the host, which runs meanwhile; it knows the host as `.host`."""
        with (self.data.parent / "log").open("a") as log:
            untried = ("--verification", "off")
            host = fleet.Host(self.data, *self.ports, log, untried)
        try:
            host.wait_until_ready()
            with contextlib.closing(host.sign_in()) as client:
                client.host = host
                yield client
        finally:
            host.stop()


@pytest.fixture
def set_up(tmp_path):
    """Sets a board up at a host, with an application; the board, online, knows its `device`."""
    folder = app_folders.make(tmp_path, _APP)
    with contextlib.ExitStack() as stack:

        def set_up(client):
            fleet.publish(client, folder, client.host.passphrase)
            board = stack.enter_context(fleet.new_board(tmp_path / "board", 11))
            board.nvs.set("mpfleet", "rollback", _NVS_NUMBER, (1).to_bytes(4, "little"))
            board.nvs.commit("mpfleet")  # deploy finds it out: tests/system/test_deploy_rollback
            board.power_on()
            board.device = fleet.set_up(board, client, "blink", client.host, poll_s=1).device
            return board

        yield set_up


def wait_for(client, board, timeout_s=30):
    """Until the host hears that the board runs its release."""

    def is_there():
        found = client.get(f"/devices/{board.device}")
        return found["online"] and found["number"] == 1

    try:
        fleet.wait_for("the board online", is_there, timeout_s)
    except fleet.FleetError as error:
        pytest.fail(f"{error}; it said:\n{board.console_text[-3000:]}")


def deployed_at(board, moment):
    """Have a board, which is off, be one that was deployed at this moment."""
    floor = int(moment.timestamp()) - EPOCH_2000
    board.nvs.set("mpfleet", "floor", _NVS_NUMBER, floor.to_bytes(4, "little"))
    board.nvs.commit("mpfleet")


def test_a_board_without_a_clock_comes_back_after_its_hosts_certificate_was_renewed(
    tmp_path, set_up
):
    house = House(tmp_path / "data", days_from_now(-300))
    with house.open() as client:
        board = set_up(client)
        board.power_off()
    deployed_at(board, days_from_now(-299))
    assert house.renew(days_from_now(350))
    with house.open() as client:
        board.radio.ntp, at = None, board.mark
        board.power_on()
        assert board.real_time_clock.now < _DAY_S  # it is the year 2000
        wait_for(client, board)
        board.wait_for("clock: set by the host", 20, at)
    assert abs(board.real_time_clock.unix_time - time.time()) < 60


def test_boards_follow_their_host_to_another_address_and_ca(tmp_path, set_up, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    old, new = (House(tmp_path / name, days_from_now(-1)) for name in ("old", "new"))
    with old.open() as client:
        board = set_up(client)
        board.radio.names[_NEW_ADDRESS] = "127.0.0.1"
        profile.save("default", client.profile)
        verified.keep_root("default", b64decode(client.fleet()["root"]))
        move(client.host.passphrase, new, tmp_path / "passphrase")
        told = fleet.wait_for("its complaint", lambda: complaint(client, board), 20)
        assert told == ("refused-connection", f"fleet.json: refused-connection {_NEW_ADDRESS}")
        assert client.get(f"/devices/{board.device}")["online"]  # where it was
        board.power_off()  # else it would ask later each time, which takes a test too long
    ca = new.ca_file.read_bytes()
    shutil.copytree(old.data, new.data, ignore=lambda *_: ["pki"], dirs_exist_ok=True)
    with new.open() as client:
        board.power_on()
        wait_for(client, board)
    lives_at = json.loads(board.nvs.get("mpfleet", "host")[1])
    assert (lives_at["addresses"], lives_at["port"]) == ([_NEW_ADDRESS], new.ports[0])
    assert board.nvs.get("mpfleet", "ca")[1] == ssl.PEM_cert_to_DER_cert(ca.decode())


def move(passphrase, house, file):
    """`mpfleet move` to another house."""
    file.write_text(passphrase)
    words = ["--address", _NEW_ADDRESS, "--port", house.ports[0], "--mqtt-port", house.ports[1]]
    words += ["--ca", house.ca_file, "--yes", "--passphrase-file", file]
    done = CliRunner().invoke(main, ["move", *map(str, words)])
    assert done.exit_code == 0, done.output


def complaint(client, board):
    """What the board says of a house that does not take it."""
    for report in client.get(f"/devices/{board.device}/reports"):
        if report["kind"] == "trust":
            return report["reason"], report["detail"]
    return None
