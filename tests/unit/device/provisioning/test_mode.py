"""The mode's tasks: the open minutes, the button, how it ends."""

import pytest

SCRIPT = """
import asyncio, esp32, machine, network, sys
from device.log import Log
from device.provisioning import mode as module
from device.store import Nvs, Store
store, nvs = Store(given[0]), Nvs()
def new(wish=2): return module.build(wish, store, nvs, Log())
async def a_while(body, ms=30):
    task = asyncio.create_task(body)
    await asyncio.sleep_ms(ms)
    task.cancel()
def state(mode): return mode._session.state(module.now_s())
async def main():
%s
try:
    asyncio.run(main())
except machine.Ended:  # a reset
    pass
"""


@pytest.fixture
def run(on_board, tmp_path):
    """What a script printed."""

    def one(body):
        indented = "".join(f"    {line}\n" for line in body.strip().splitlines())
        return on_board(SCRIPT % indented, str(tmp_path / "state"))

    return one


def test_power_cuts_do_not_keep_the_window_open(run):
    lines = run("""
for _ in range(12):
    mode = new()
    await a_while(mode.stand_open())
    print(nvs.number("opened"), state(mode))
""")
    said = [line for line in lines if line[-2:] in (" 1", " 2")]
    assert said == [f"{n} 2" for n in range(60, 601, 60)] + ["600 1"] * 2


@pytest.mark.parametrize(
    "before",
    (
        'store.save("wifi.json", [{"ssid": "home", "password": ""}])',
        'nvs.set_number("opened", -1)',
        'nvs.set_number("opened", -2)',
        'store.save("config.json", {"provisioning": "button"})',
    ),
    ids=("a network is known", "was online", "was claimed", "button only"),
)
def test_nothing_stands_open_then(run, before):
    lines = run(f"""
{before}
was = nvs.number("opened")
mode = new()
await a_while(mode.stand_open())
print(nvs.number("opened") == was, state(mode))
""")
    assert lines[-1] == "True 1"


@pytest.mark.parametrize(("wish", "state"), ((2, 1), (3, 2)))
def test_who_held_the_button_may_hand_over_settings_at_once(run, wish, state):
    assert run(f"print(state(new({wish})))")[-1] == str(state)


BUTTON = """
levels = %s
class Pin:
    IN, PULL_UP = 1, 2
    def __init__(self, n, mode, pull): print("pin", n)
    def value(self): return levels.pop(0) if len(levels) > 1 else levels[0]
machine.Pin = Pin
mode = new()
await a_while(mode.watch_button(), 400)
print(state(mode))
"""


@pytest.mark.parametrize(
    ("levels", "state"),
    (([1], 1), ([0], 1), ([0, 0, 1, 1], 1), ([1, 0, 1], 2), ([0, 1, 0, 1], 2)),
    ids=("untouched", "held since before", "let go", "pressed", "let go and pressed"),
)
def test_a_press_is_a_level_that_goes_down(run, levels, state):
    assert run(BUTTON % levels)[-1] == str(state)


def test_a_board_without_a_button_is_never_pressed(run):
    before = 'store.save("config.json", {"button_pin": -1})\n'
    lines = run(before + BUTTON % [1, 0])
    assert lines[-1] == "1"
    assert "pin 0" not in lines


END = """
%s
mode = new()
mode._commands.heard_s -= 601
await a_while(mode.end())
"""


def test_where_a_network_is_known_it_ends_after_ten_idle_minutes(run):
    lines = run(END % 'store.save("wifi.json", [{"ssid": "home", "password": ""}])')
    assert lines[-1].startswith("machine.reset b'MPFR\\x01\\x00")


def test_without_a_network_it_waits(run):
    assert not any("machine.reset" in line for line in run(END % ""))


def test_it_ends_once_the_client_has_left(run):
    lines = run("""
class Radio: connection = object()
class Line: is_serial = False
mode = new()
mode._radio = Radio()
mode._commands.asking = [Line()]
mode._session.url = "https://…"
await a_while(mode.end(), 250)
print("still here")
Radio.connection = None
await a_while(mode.end(), 250)
""")
    assert "still here" in lines
    assert lines[-1].startswith("machine.reset")


def test_without_aioble_the_serial_port_remains_and_the_log_says_so(run):
    lines = run("""
mode = new()
mode._load_radio()
print(mode._radio)
""")
    assert "without Bluetooth, over serial only: ImportError" in "".join(lines)
    assert lines[-1] == "None"


def test_the_wish_is_over_when_the_mode_has_begun(run):
    lines = run("""
machine.RTC.stored = b"MPFR\\0\\2\\0\\0"
new()
print(machine.RTC.stored)
""")
    assert lines[-1] == r"b'MPFR\x00\x00\x00\x00'"
