"""A host is lost; another one is made of its backup, and everybody goes on with that."""

import contextlib
import shutil
import subprocess
from functools import partial

import pytest

from examples import fleet
from host.backup.restore import restore
from host.backup.save import save
from host.rig.process import free_port
from tests import app_folders
from tests.system.test_serve import COMMAND, serving

PASSPHRASE = "correct horse"
_NVS_NUMBER = 105
_APP = "async def main(board):\n    board.log('version {number}')\n"


def run(*words):
    subprocess.run([COMMAND, *words], check=True, capture_output=True, timeout=60)


def test_a_host_is_backed_up_while_it_runs_and_made_anew_of_that(tmp_path):
    data, file, secret = (tmp_path / name for name in ("data", "fleet.backup", "secret"))
    secret.write_text(f"{PASSPHRASE}\n")
    with serving(data) as lost:
        lost.ready()
        run("backup", file, "--data", data, "--passphrase-file", secret)
    shutil.rmtree(data)
    run("restore", file, "--data", data, "--passphrase-file", secret)
    with serving(data) as found:
        found.ready()
        assert "password" not in found.said
        assert found.sign_in(lost.password)
        fingerprint = r"\n\s+([0-9A-F:]{95})\n"
        assert found.found(fingerprint) == lost.found(fingerprint)


@pytest.fixture
def served(tmp_path):
    """`with served() as (host, client):` a host on the data folder, always on the same ports."""
    ports = free_port(), free_port()

    @contextlib.contextmanager
    def served():
        with (tmp_path / "log").open("a") as log:
            host = fleet.Host(tmp_path / "data", *ports, log)
            try:
                host.wait_until_ready()
                with contextlib.closing(host.sign_in()) as client:
                    yield host, client
            finally:
                host.stop()

    return served


@pytest.fixture
def publish(tmp_path):
    """Publish, and approve, a release that says its number."""
    folder = app_folders.make(tmp_path, "")

    def publish(client, host):
        number = client.next_number("blink")
        (folder / "app/main.py").write_text(_APP.format(number=number))
        return fleet.publish(client, folder, host.passphrase)

    return publish


def is_running(client, device, number):
    """Whether the host has heard that a device runs a release."""
    found = client.get(f"/devices/{device}")
    return found["online"] and found["number"] == number


def test_boards_go_on_with_a_host_of_before_the_last_approval(tmp_path, served, publish):
    data, file = tmp_path / "data", tmp_path / "fleet.backup"
    with fleet.new_board(tmp_path / "board", 9) as board:
        board.nvs.set("mpfleet", "rollback", _NVS_NUMBER, (1).to_bytes(4, "little"))
        board.nvs.commit("mpfleet")  # deploy finds it out: tests/system/test_deploy_rollback.py
        board.power_on()
        with served() as (host, client):
            publish(client, host)
            settings = {"trial_s": 8, "contact_s": 6, "poll_s": 10}
            device = fleet.set_up(board, client, "blink", host, **settings).device
            save(data, file, PASSPHRASE)
            fleet.assign(client, device, "blink", publish(client, host))
            fleet.wait_for("release 2", partial(is_running, client, device, 2), 60)
        shutil.rmtree(data)
        restore(file, data, PASSPHRASE)
        with served() as (host, client):
            fleet.wait_for("release 2 again", partial(is_running, client, device, 2), 60)
            (alarm,) = client.get("/keys")["alarms"]
            fleet.assign(client, device, "blink", publish(client, host))
            fleet.wait_for("release 3", partial(is_running, client, device, 3), 60)
            assert ("newer targets" in alarm, client.get("/keys")["alarms"]) == (True, [])
