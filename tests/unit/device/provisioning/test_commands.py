"""What comes of a command: tried, kept, answered, in which order, and what is kept of a failure."""

import json

import pytest

SCRIPT = """
import asyncio, esp32, network, os
import device.wifi as wifi_module
from device.identity import Identity
from device.provisioning import commands as module
from device.provisioning.commands import Commands
from device.provisioning.improv import packed
from device.store import Config, Nvs, Store
from device.wifi import Wifi
wifi_module._JOIN_MS, wifi_module._REFUSED_MS, wifi_module._POLL_MS = 300, 100, 10
HOST = {"addresses": ["10.0.0.1"], "port": 8443}
class Line:
    def __init__(self, name, is_trusted=True, is_serial=False):
        self.name, self.is_trusted, self.is_serial = name, is_trusted, is_serial
    def state(self, n): print(self.name, "state", n)
    def error(self, n): n and print(self.name, "error", n)
    def result(self, command, values): print(self.name, "result", command, *[v.decode() for v in values])
def log(*words): pass
store, nvs = Store(given[0]), Nvs()
nvs.set_blob("host", json.dumps(HOST).encode())
me = Identity(nvs, Config(store))
def new(): return Commands("mpfleet-1", Wifi(store, "h", log), store, nvs, me, -1, log)
one = new()
network.air["home"] = {"password": "secret12", "rssi": -50}
network.air["silent"] = {"password": "", "rssi": -60, "mood": 1001}
async def settle(n=80):
    for _ in range(n):
        await asyncio.sleep_ms(10)
        if not one.session.is_trying:
            return
def wanted(ssid=b"home", password=b"secret12"): return packed((ssid, password))
async def main():
    a, b = Line("a"), Line("b")
    one.lines = [a, b]
    one.tell()
%s
asyncio.run(main())
"""


@pytest.fixture
def talk(on_board, tmp_path):
    """Lines a script printed that are of ours; after them the state files are in tmp_path."""

    def run(body):
        indented = "".join(f"    {line}\n" for line in body.strip().splitlines())
        lines = on_board(SCRIPT % indented, str(tmp_path / "state"))
        return [line for line in lines if line.split(" ")[0] in ("a", "b", "c", "is")]

    return run


def kept(tmp_path, name):
    return json.loads((tmp_path / "state" / name).read_text())


def test_the_result_comes_before_the_last_state(talk, tmp_path):
    lines = talk("await one.hear(a, 1, wanted())\nawait settle()")
    code = kept(tmp_path, "claim.json")["code"]
    url = f"https://10.0.0.1:8443/claim?device=246f28010203&code={code}"
    assert lines == [
        "a state 2", "b state 2", "a state 3", "b state 3", f"a result 1 {url}", "a state 4", "b state 4",
    ]  # fmt: skip
    assert kept(tmp_path, "wifi.json") == [{"ssid": "home", "password": "secret12"}]


@pytest.mark.parametrize(
    "settings",
    ("b'home', b'wrong-secret'", "b'nowhere', b''", "b'silent', b''"),
    ids=("wrong password", "no such network", "no answer"),
)
def test_a_network_that_does_not_take_us_is_an_error_and_forgotten(talk, tmp_path, settings):
    lines = talk(f"await one.hear(a, 1, wanted({settings}))\nawait settle()")
    assert lines[4:] == ["a error 3", "a state 2", "b state 2"]
    assert not (tmp_path / "state/wifi.json").exists()


def test_an_attempt_without_end_is_given_up(talk):
    lines = talk("""
async def never(ssid, password): await asyncio.sleep(60)
one._wifi.attempt, module._JOIN_S = never, 0.1
await one.hear(a, 1, wanted())
await settle()
""")
    assert lines[4:] == ["a error 3", "a state 2", "b state 2"]


def test_the_same_settings_from_two_lines_are_one_attempt_that_both_hear_of(talk):
    lines = talk("""
await one.hear(a, 1, wanted())
await one.hear(b, 1, wanted())
await one.hear(b, 1, wanted())
await settle()
print("is", network.asked)
""")
    assert [line.split(" https")[0] for line in lines[4:]] == [
        "a result 1", "b result 1", "a state 4", "b state 4", "is ['home']",
    ]  # fmt: skip


def test_the_same_settings_after_success_repeat_the_result(talk):
    lines = talk("""
await one.hear(a, 1, wanted())
await settle()
await one.hear(a, 1, wanted())
print("is", network.asked)
""")
    assert lines[-2] == lines[4]
    assert lines[-1] == "is ['home']"


def test_other_credentials_meanwhile_are_refused(talk):
    lines = talk("""
await one.hear(a, 1, wanted())
await one.hear(b, 1, wanted(b"evil", b""))
await settle()
print("is", network.asked)
""")
    assert lines[4] == "b error 255"
    assert lines[-1] == "is ['home']"


def test_who_comes_after_one_that_left_does_not_get_the_address(talk):
    lines = talk("""
await one.hear(a, 1, wanted())
one.forget(a)
await settle()
""")
    assert lines[4:] == ["a state 4", "b state 4"]


def test_without_authorization_nothing_is_tried(talk):
    lines = talk("""
c = Line("c", False)
await one.hear(c, 1, wanted())
await one.hear(c, 5, b"evil")
print("is", network.asked, one.name)
""")
    assert lines[2:] == ["c error 4", "c error 4", "is [] mpfleet-1"]


def test_a_full_flash_keeps_nothing_and_says_so(talk, tmp_path):
    lines = talk("""
from device.errors import StorageFull
def full(name, value): raise StorageFull("storage-full", name)
store.save = full
await one.hear(a, 5, b"kitchen")
await one.hear(a, 1, wanted())
await settle()
print("is", one.name, nvs.number("opened"))
""")
    assert lines[2] == "a error 255"
    assert lines[5:] == ["a error 255", "a state 2", "b state 2", "is mpfleet-1 0"]
    assert not (tmp_path / "state/wifi.json").exists()


CUT = """
class Cut(BaseException): pass
left = [%d]
def cut(write):
    def writes(*args):
        left[0] -= 1
        if left[0] < 0: raise Cut
        write(*args)
    return writes
store.write, nvs.set_number = cut(store.write), cut(nvs.set_number)
one.session.begin((b"home", b"secret12"), 0)
try:
    one._keep(b"home", b"secret12")
except Cut:
    pass
again = Store(given[0])
known, code = again.load("wifi.json", []), again.load("claim.json", {})
print("is", len(known), bool(code), Nvs().number("opened"))
"""


@pytest.mark.parametrize(
    ("writes", "left"), ((0, "0 False 0"), (1, "0 True 0"), (2, "1 True 0"), (3, "1 True 600"))
)
def test_a_power_cut_leaves_a_board_that_waits_or_one_that_knows_network_and_code(
    talk, writes, left
):
    assert talk(CUT % writes)[-1] == f"is {left}"


def test_a_claimed_board_makes_no_code(talk, tmp_path):
    lines = talk("""
store.save("registration.json", {"state": "claimed"})
nvs.set_number("opened", -2)
await one.hear(a, 1, wanted())
await settle()
print("is", nvs.number("opened"))
""")
    assert lines[4] == "a result 1 https://10.0.0.1:8443/claim?device=246f28010203"
    assert lines[-1] == "is -2"
    assert not (tmp_path / "state/claim.json").exists()


def test_the_open_time_is_over_with_the_first_success(talk):
    lines = talk("""
await one.hear(a, 1, wanted())
await settle()
print("is", nvs.number("opened"))
""")
    assert lines[-1] == "is 600"


def test_networks_that_were_known_stay_known(talk, tmp_path):
    talk("""
store.save("wifi.json", [{"ssid": "work", "password": "12345678"}])
one.known = new().known
await one.hear(a, 1, wanted())
await settle()
""")
    assert [n["ssid"] for n in kept(tmp_path, "wifi.json")] == ["home", "work"]


def test_a_scan_is_one_result_or_over_serial_one_each_and_an_end(talk):
    lines = talk("""
await one.hear(a, 4, b"")
await one.hear(Line("c", True, True), 4, b"")
""")
    assert lines[2:] == [
        "a result 4 home -50 WPA2 silent -60 WPA2",
        "c result 4 home -50 WPA2",
        "c result 4 silent -60 WPA2",
        "c result 4",
    ]


def test_a_board_says_what_it_is(talk):
    [*_, line] = talk("await one.hear(a, 3, b'')")
    assert line.startswith("a result 3 mpfleet ")
    assert line.endswith(" mpfleet-1")


def test_a_hostname_is_read_and_kept(talk, tmp_path):
    lines = talk("""
await one.hear(a, 5, b"")
await one.hear(a, 5, b"\\x07kitchen")
await one.hear(a, 5, b"-")
await one.hear(a, 5, b"")
""")
    assert lines[2:] == [
        "a result 5 mpfleet-1", "a result 5 kitchen", "a error 5", "a result 5 kitchen",
    ]  # fmt: skip
    assert kept(tmp_path, "config.json") == {"hostname": "kitchen"}


def test_over_serial_command_2_asks_for_the_state(talk):
    lines = talk("""
c = Line("c", True, True)
await one.hear(c, 2, b"")
await one.hear(a, 1, wanted())
await settle()
await one.hear(c, 2, b"")
""")
    assert lines[2] == "c state 2"
    assert lines[-2] == "c state 4"
    assert lines[-1].startswith("c result 2 https://10.0.0.1:8443/claim?")


def test_a_terminal_hands_over_what_was_typed(talk):
    lines = talk("""
one.attempt(a, b"home", b"short")
await asyncio.sleep_ms(20)
one.attempt(a, b"home", b"secret12")
await asyncio.sleep_ms(20)
await settle()
""")
    assert lines[2] == "a error 3"
    assert lines[-1] == "b state 4"


def test_identify_blinks_the_led(on_board, tmp_path):
    script = SCRIPT.replace("me, -1, log", "me, 2, log") % (
        """
    class Pin:
        OUT = 1
        def __init__(self, n, mode): print("pin", n)
        def value(self, level): print("led", level)
    module.machine.Pin = Pin
    await one.hear(a, 2, b"")
    await one.hear(a, 2, b"")
    await asyncio.sleep_ms(500)
"""
    )
    lines = on_board(script, str(tmp_path / "state"))
    assert [line for line in lines if line[:3] in ("pin", "led")] == [
        "pin 2", "led 1", "led 0", "led 1",
    ]  # fmt: skip
