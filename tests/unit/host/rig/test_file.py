"""Rig files: what they may say, and what is said of a mistake."""

import pytest

from host.rig import file
from host.rig.errors import RigError

BOARD = {"name": "desk", "port": "/dev/ttyUSB0"}
WHOLE = {
    "host": {"listen": "192.168.1.10", "address": "192.168.1.10"},
    "wifi": {"ssid": "home", "password": "secret12"},
    "boards": [BOARD],
}


def parsed(tmp_path, **changes):
    return file.parse({**WHOLE, **changes}, "rig.toml", tmp_path)


def test_a_file_is_read(tmp_path):
    path = tmp_path / "rig.toml"
    path.write_text('[[boards]]\nname = "v"\npower = { by = "virtual" }\n')
    assert [(b.name, b.power.by) for b in file.load(path).boards] == [("v", "virtual")]


def test_paths_are_relative_to_the_file(tmp_path):
    power = {"by": "qemu", "command": ["qemu"], "flash": "flash.bin"}
    board = {"name": "q", "power": power, "firmware": ["a.app-bin"]}
    (found,) = parsed(tmp_path, boards=[board]).boards
    places = (found.power.flash, found.firmware)
    assert places == (tmp_path / "flash.bin", [tmp_path / "a.app-bin"])


@pytest.mark.parametrize(
    ("changes", "said"),
    (
        ({"board": []}, "rig.toml: unknown field 'board', did you mean 'boards'? Allowed: host"),
        ({"boards": [{**BOARD, "modle": "X"}]}, "boards.0: unknown field 'modle', did you mean"),
        ({"boards": [{"name": "desk"}]}, "boards.0: port: a board with power by none needs"),
        ({"boards": [{**BOARD, "power": {"by": "virtual"}}]}, "makes its own port: remove it"),
        ({"boards": [{**BOARD, "power": {"by": "relais"}}]}, "'none', 'uhubctl', 'relay'"),
        (
            {"boards": [{**BOARD, "power": {"by": "relay", "port": "x", "chanel": 2}}]},
            "boards.0.power.relay: unknown field 'chanel', did you mean 'channel'?",
        ),
        ({"boards": [BOARD, BOARD]}, "two are called alike among desk, desk"),
        ({"boards": []}, "boards: List should have at least 1 item"),
        ({"wifi": None}, "wifi: desk needs the network it is to join"),
        ({"wifi": {"password": "x"}}, "wifi.ssid: Field required"),
        ({"host": {}}, "host.address: desk does not reach 127.0.0.1"),
        ({"resets": "many"}, "resets: Input should be a valid integer"),
    ),
)
def test_a_mistake_is_named_with_what_is_allowed(tmp_path, changes, said):
    with pytest.raises(RigError) as caught:
        parsed(tmp_path, **changes)
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ("boards = [", "\udcff"), ids=("toml", "bytes"))
def test_a_file_that_is_no_toml_is_refused(tmp_path, text):
    path = tmp_path / "rig.toml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(RigError, match=r"rig\.toml"):
        file.load(path)


@pytest.mark.parametrize(("given", "key"), ((None, "from outside"), ("", ""), ("x", "x")))
def test_a_password_may_come_from_the_environment(monkeypatch, given, key):
    monkeypatch.setenv("MPFLEET_WIFI_PASSWORD", "from outside")
    assert file.WifiTable(ssid="home", password=given).key == key
