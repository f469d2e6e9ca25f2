"""What deploy writes through device.setup, on a virtual board with the golden runtime."""

import base64
import hashlib
import json

import pytest

from host.builder import release
from host.deploy import agent
from host.deploy.board import Board
from host.deploy.errors import DeployError
from host.deploy.files import Copier
from tests.boards import board_maker, virtual_board  # noqa: F401 - fixtures

SETUP = {
    "host": {"addresses": ["10.0.0.1"], "port": 8443, "mqtt_port": 8883, "name": "mpfleet"},
    "ca": "AAEC",
    "floor": 820000000,
    "token": "secret-token",
    "number": 3,
    "config": {"product": "blink", "model": "ESP32_GENERIC", "app": {"pin": 4}},
    "wifi": [{"ssid": "home", "password": "secret12"}],
    "active": "a",
    "watchdog_s": 75,
}
READ = """
from device.store import Nvs
from device.store import Store
from device.update.record import BootRecord
n, s, r = Nvs(), Store(), BootRecord()
"""


@pytest.fixture
def golden(virtual_board):  # noqa: F811
    """A board with the golden runtime, at its raw prompt."""
    board = Board(virtual_board.port)
    board.stop()
    board.run(agent.SOURCE)
    Copier(board).copy({f"/{p}": c for p, c in release.golden().items()}, lambda *_: None)
    yield board
    board.close()


def ask(board, expression):
    """What an expression is on the board."""
    return board.run(f"{READ}print(({expression}))").strip()


def status(board):
    return json.loads(board.run("from device.setup import status\nstatus()"))


def test_everything_finds_its_place(golden):
    golden.run(agent.apply(SETUP))
    assert json.loads(ask(golden, "n.blob('host').decode()")) == SETUP["host"]
    assert ask(golden, "n.blob('ca'), n.blob('token')") == r"(b'\x00\x01\x02', b'secret-token')"
    assert ask(golden, "n.number('floor'), n.number('number')") == "(820000000, 3)"
    assert ask(golden, "s.load('config.json', {})['app'], s.load('wifi.json', [])[0]['ssid']") == (
        "({'pin': 4}, 'home')"
    )
    assert (
        ask(golden, "r.active, r.trial, r.watchdog_s, r.firmware[0]") == "('a', '-', 75, b'ota_0')"
    )


def test_absent_keys_leave_what_is_there(golden):
    golden.run(agent.apply(SETUP))
    golden.run(agent.apply({}))
    assert ask(golden, "n.blob('token'), s.load('wifi.json', []), r.active, r.watchdog_s") == (
        "(b'secret-token', [{'ssid': 'home', 'password': 'secret12'}], 'a', 75)"
    )


def test_floor_and_number_are_never_lowered(golden):
    golden.run(agent.apply(SETUP))
    golden.run(agent.apply({"floor": 1, "number": 1}))
    assert ask(golden, "n.number('floor'), n.number('number')") == "(820000000, 3)"


def test_what_is_there_already_is_not_written_again(golden, virtual_board):  # noqa: F811
    golden.run(agent.apply(SETUP))
    before = virtual_board.flash.operations
    golden.run(agent.apply(SETUP))
    assert virtual_board.flash.operations == before


def test_another_owner_or_host_makes_the_board_register_anew(golden):
    golden.run(f"{READ}s.save('registration.json', {{'state': 'claimed'}})")
    golden.run(agent.apply({"token": "another"}))
    assert ask(golden, "s.read('registration.json')") == "None"


def test_status_says_who_it_is_and_what_is_on_it(golden):
    fresh = status(golden)
    assert (fresh["has_secret"], fresh["has_host"], fresh["active"]) == (False, False, "-")
    golden.run(agent.apply(SETUP))
    told = status(golden)
    assert told.pop("free_bytes") > 400_000
    assert told.pop("firmware")
    assert len(told.pop("elf")) == 32
    assert told == {
        "id": "246f28000001",
        "model": "ESP32_GENERIC",
        "product": "blink",
        "abi": 6,
        "number": 3,
        "floor": 820000000,
        "active": "a",
        "trial": "-",
        "has_secret": True,
        "has_host": True,
        "has_wifi": True,
        "root": None,
    }


def test_a_firmware_flashed_anew_is_what_the_active_slot_runs_on(golden):
    golden.run(agent.apply(SETUP))
    golden.run(f"{READ}r.change(firmware=(b'ota_0', bytes(16)), tries=0)")
    golden.run(agent.apply({}))
    assert ask(golden, "r.firmware[1] != bytes(16), r.tries, r.active") == "(True, 3, 'a')"


def root(version, fleet="ours"):
    """What looks like a root.json from outside."""
    return json.dumps({"signed": {"version": version, "fleet": fleet}}).encode()


def hand(board, content, **more):
    board.run(agent.apply({"root": base64.b64encode(content).decode(), **more}))


def test_the_first_root_is_kept_and_later_ones_of_its_chain_change_nothing(golden):
    hand(golden, root(1))
    hand(golden, root(1))
    hand(golden, root(2))
    held = {"version": 1, "sha256": hashlib.sha256(root(1)).hexdigest()}
    assert status(golden)["root"] == held


def test_another_root_is_refused_before_anything_is_changed_unless_it_is_to_be_replaced(golden):
    hand(golden, root(1))
    golden.run(f"{READ}s.save('timestamp.json', {{}})\ns.save('targets-x.json', {{}})")
    with pytest.raises(DeployError, match="other-root"):
        hand(golden, root(1, "theirs"), number=9)
    assert ask(golden, "n.number('number'), s.read('timestamp.json')") == "(0, b'{}')"
    hand(golden, root(1, "theirs"), replace_root=True)
    assert status(golden)["root"]["sha256"] == hashlib.sha256(root(1, "theirs")).hexdigest()
    assert ask(golden, "s.read('timestamp.json'), s.read('targets-x.json')") == "(None, None)"


def test_another_host_ends_a_move_and_another_ca_the_second_one(golden):
    golden.run(agent.apply(SETUP))
    golden.run(f"{READ}n.set_number('moving', 1)\nn.set_blob('ca2', b'2')")
    golden.run(agent.apply(SETUP))
    assert ask(golden, "n.number('moving'), n.blob('ca2')") == "(1, b'2')"
    golden.run(agent.apply(SETUP | {"host": {"addresses": ["10.0.0.2"]}, "ca": "AAED"}))
    assert ask(golden, "n.number('moving'), n.blob('ca2')") == "(0, None)"


@pytest.mark.parametrize(
    ("before", "registered", "after"),
    (
        (0, "", 0),
        (600, "", 0),
        (-1, "", 0),
        (-1, "unclaimed", 0),
        (-2, "", -2),
        (0, "claimed", -2),
    ),
)
def test_deploy_opens_provisioning_anew_unless_the_board_was_claimed(
    golden, before, registered, after
):
    registration = (
        f"s.save('registration.json', {{'state': {registered!r}}})" if registered else "0"
    )
    golden.run(f"{READ}n.set_number('opened', {before})\n{registration}")
    golden.run(agent.apply(SETUP))
    assert ask(golden, "n.number('opened')") == str(after)
