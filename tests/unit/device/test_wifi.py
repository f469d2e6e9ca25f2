"""WiFi: which network first, the word for each failure, and that waiting holds nobody up."""

import json

import pytest

ORDER = """
from device.wifi import order
print([s for s, _ in order([{"ssid": s} if s else {} for s in given[0]], given[1], given[2])])
"""


@pytest.mark.parametrize(
    ("known", "seen", "last", "expected"),
    (
        (["a", "b"], {}, None, ["a", "b"]),
        (["a", "b"], {"a": -80, "b": -40}, None, ["b", "a"]),
        (["a", "b", "hidden"], {"b": -40, "a": -80}, None, ["b", "a", "hidden"]),
        (["a", "b"], {"a": -80, "b": -40}, "a", ["a", "b"]),
        (["", "a"], {}, None, ["a"]),
    ),
    ids=["as listed", "strongest first", "hidden last", "the last good one first", "no name"],
)
def test_the_order_of_networks(on_board, known, seen, last, expected):
    assert on_board(ORDER, known, seen, last) == [str(expected)]


ENTRIES = [{"ssid_hex": "ff00", "password": "x"}, {"ssid_hex": "zz"}, {"ssid": "a"}]
NAMES = "from device.wifi import order\nprint(order(given[0], {b'\\xff\\x00': -40}, None))"


def test_a_name_that_is_no_text_is_kept_in_hex(on_board):
    assert on_board(NAMES, ENTRIES)[-1:] == [r"[(b'\xff\x00', 'x'), ('a', '')]"]


JOIN = """
import asyncio, network, time
import device.wifi as module
from device.wifi import Wifi
from device.log import Log
from device.store import Store
module._JOIN_MS, module._REFUSED_MS, module._POLL_MS = 300, 100, 20
module._BACKOFF_S = (0, 0)
network.air.update(given[1])
store = Store(given[2])
store.save("wifi.json", given[0])
wifi = Wifi(store, "mpfleet-010203", Log())
async def main():
    task = asyncio.create_task(wifi.join())
    await asyncio.sleep(given[3])
    print(wifi.is_joined, wifi.reason, network.asked)
asyncio.run(main())
"""
HOME = {"password": "secret12", "rssi": -50}


@pytest.fixture
def join(on_board, tmp_path):
    def run(known, air, seconds=0.2):
        return on_board(JOIN, known, air, str(tmp_path / "state"), seconds)

    return run


def test_a_known_network_is_joined(join):
    lines = join([{"ssid": "home", "password": "secret12"}], {"home": HOME})
    assert lines[-1] == "True no-wifi ['home']"


def test_an_open_network_is_joined(join):
    lines = join([{"ssid": "cafe", "password": ""}], {"cafe": {"password": "", "rssi": -50}})
    assert lines[-1].startswith("True")


def test_one_network_needs_no_scan(join):
    lines = join([{"ssid": "home", "password": "secret12"}], {"home": HOME})
    assert "scan" not in lines


def test_a_hidden_network_is_tried_after_those_in_the_air(join):
    known = [{"ssid": "cellar", "password": "secret12"}, {"ssid": "home", "password": "wrong"}]
    air = {"home": HOME, "cellar": {**HOME, "hidden": True}}
    assert join(known, air, 0.5)[-1] == "True no-wifi ['home', 'cellar']"


@pytest.mark.parametrize(
    ("known", "air", "word"),
    (
        ([{"ssid": "home", "password": "wrong"}], {"home": HOME}, "wrong-password"),
        ([{"ssid": "gone", "password": "x"}], {"home": HOME}, "no-such-network"),
        ([{"ssid": "home", "password": "x"}], {"home": {**HOME, "mood": 204}}, "wrong-password"),
        ([{"ssid": "home", "password": "x"}], {"home": {**HOME, "mood": 203}}, "no-wifi"),
        ([{"ssid": "home", "password": "x"}], {"home": {**HOME, "mood": 1001}}, "no-wifi"),
        ([], {}, "no-wifi"),
        ([{"password": "x"}], {}, "no-wifi"),
    ),
    ids=["password", "absent", "handshake", "refused", "silent", "none known", "no name"],
)
def test_a_failure_has_its_word(join, known, air, word):
    assert join(known, air, 0.6)[-1].split()[:2] == ["False", word]


def test_it_goes_on_trying(join):
    asked = json.loads(join([{"ssid": "gone"}], {}, 0.6)[-1].split(" ", 2)[2].replace("'", '"'))
    assert len(asked) > 1
