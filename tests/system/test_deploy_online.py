"""From a blank flash to online: `mpfleet deploy` as a person runs it, against a running host."""

import json
import os
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import pytest

from examples import fleet
from host.rig.process import free_port
from tests.firmware_files import whole
from tests.system.test_deploy import a_release


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """A host with release 1 of blink: what a command line needs to use it."""
    folder = tmp_path_factory.mktemp("host")
    running = fleet.Host(folder / "data", free_port(), free_port(), subprocess.DEVNULL)
    try:
        running.wait_until_ready()
        client = running.sign_in()
        fleet.upload(client, a_release(folder / "blink"))
        profile = client.profile
        client.close()
        environment = {"MPFLEET_URL": profile.url, "MPFLEET_TOKEN": profile.token}
        yield {**environment, "MPFLEET_CA": str(folder / "data/pki/ca.pem")}
    finally:
        running.stop()


def mpfleet(host, *words):
    """What a command answers, as JSON; (its exit status, the answer)."""
    command = [sys.executable, "-m", "host.cli", *map(str, words), "--json"]
    ran = subprocess.run(
        command, env={**os.environ, **host}, capture_output=True, text=True, check=False
    )
    assert ran.stdout, ran.stderr
    return ran.returncode, json.loads(ran.stdout)


def deploy(host, *words):
    network = f"{fleet.HOME.ssid}:{fleet.HOME.password}"
    common = ("--product", "blink", "--wifi", network, "--model", "ESP32_GENERIC")
    return mpfleet(host, "deploy", *common, *words)


@pytest.fixture
def firmware(tmp_path):
    """A file with MicroPython."""
    (tmp_path / "firmware.bin").write_bytes(whole())
    return tmp_path / "firmware.bin"


def test_two_blank_boards_come_online_at_once_and_one_renews_its_identity(
    host, board_maker, firmware
):
    boards = [board_maker(layout=None, access_points=[fleet.HOME]) for _ in range(2)]
    for board in boards:
        board.power_on()
    ports = [word for board in boards for word in ("--port", board.rfc2217_url)]
    status, rows = deploy(host, *ports, "--firmware", firmware)
    assert (status, [(r["online"], r["number"]) for r in rows]) == (0, [(True, 1)] * 2), rows
    again = ("--port", boards[0].port, "--new-identity")
    status, answer = deploy(host, *again)
    assert (status, answer["online"], answer["copied"]) == (0, True, 0)
    _, device = mpfleet(host, "device", "show", answer["device"])
    assert device["state"] == "claimed"


def test_a_board_that_is_given_its_wifi_later_is_claimed_by_the_address_it_shows(
    host, board_maker
):
    # one that the boards above are not
    board = board_maker(access_points=[fleet.HOME], unique_id=b"\x24\x6f\x28\x00\x00\x77")
    board.power_on()
    words = ("deploy", "--port", board.port, "--product", "blink", "--model", "ESP32_GENERIC")
    status, deployed = mpfleet(host, *words, "--no-claim")
    assert (status, deployed["online"]) == (0, False)
    wifi = ("--wifi", fleet.HOME.ssid, "--wifi-password", fleet.HOME.password)
    status, answer = mpfleet(host, "provision", "--serial", board.port, *wifi)
    assert status == 0, answer
    board.wait_for("the host knows this board: unclaimed", 30)
    asked = parse_qs(urlsplit(answer["claim_url"]).query)
    claim = ("device", "claim", *asked["code"], "--device", *asked["device"])
    status, device = mpfleet(host, *claim)
    assert (status, device["id"], device["state"]) == (0, board.unique_id.hex(), "claimed")
