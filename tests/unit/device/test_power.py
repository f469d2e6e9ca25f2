"""Resets that are announced, and a watchdog that is fed only while all is alive."""

import pytest

POWER = """
import asyncio, machine
from device.power import Power
def log(*values):
    print(*values)
"""


def test_no_watchdog_is_armed_where_the_record_says_none(on_board):
    assert on_board(POWER + "Power(0, log).feed()\nprint(machine.WDT.fed)") == ["0"]


def test_the_watchdog_has_the_records_period(on_board):
    assert on_board(POWER + "Power(90, log)")[0] == "wdt 90000"


@pytest.mark.parametrize(("is_silent", "is_fed"), ((False, True), (True, False)))
def test_it_is_fed_unless_a_thread_is_silent(on_board, is_silent, is_fed):
    script = POWER + (
        "power = Power(90, log)\npower.is_silent = lambda: given[0]\n"
        """
async def main():
    asyncio.create_task(power.keep())
    await asyncio.sleep_ms(50)

"""
        "asyncio.run(main())\nprint(machine.WDT.fed > 0)"
    )
    assert on_board(script, is_silent)[-1] == str(is_fed)


RESTART = """
power = Power(0, log)
async def tidy(why):
    print("tidy", why)
async def settle(why):
    print("settle", why)
power.before_reset = [tidy]
power.before_sleep = [settle]
def end(coroutine):
    try:
        asyncio.run(coroutine)
    except machine.Ended:
        pass
"""


def test_a_planned_reset_is_prepared_and_announced(on_board):
    script = POWER + RESTART + "end(power.restart('update'))"
    assert on_board(script) == ["tidy update", "power update", r"machine.reset b'MPFR\x01\x00\x00\x00'"]


def test_a_deep_sleep_settles_first_and_is_announced(on_board):
    script = POWER + RESTART + "end(power.sleep(60))"
    assert on_board(script) == [
        "settle deep sleep for 60 s",
        "tidy deep sleep for 60 s",
        "power deep sleep for 60 s",
        r"machine.deepsleep 60000 b'MPFR\x01\x00\x00\x00'",
    ]


def test_a_call_that_may_hold_the_loop_is_marked_and_unmarked(on_board):
    script = (
        POWER
        + """
power = Power(0, log)
with power:
    print(machine.RTC.stored)
print(machine.RTC.stored)
"""
    )
    assert on_board(script) == [r"b'MPFR\x02\x00\x00\x00'", r"b'MPFR\x00\x00\x00\x00'"]


def test_the_mark_goes_even_if_the_call_raises(on_board):
    script = (
        POWER
        + """
try:
    with Power(0, log):
        raise OSError
except OSError:
    print(machine.RTC.stored)
"""
    )
    assert on_board(script) == [r"b'MPFR\x00\x00\x00\x00'"]


RETREAT = """
def start(memory=None):
    if memory is not None:
        machine.RTC.stored = bytes(memory)
    power = Power(0, lambda *values: None)
    print(power.is_alone, power.rounds, power.walks)
    return power
def retreat(power):
    try:
        asyncio.run(power.retreat("no heap"))
        print("stays")
    except machine.Ended:
        pass
"""


def test_the_wish_for_update_mode_lasts_for_one_start(on_board):
    script = POWER + RETREAT + "retreat(start())\nstart()\nstart()"
    assert on_board(script) == [
        "False 0 0",
        r"machine.reset b'MPFR\x01\x01\x01\x00'",
        "True 1 0",
        "False 1 0",
    ]


def test_update_mode_for_a_heap_that_is_whole_counts_as_no_round_and_ends_a_walk(on_board):
    script = POWER + RETREAT + "power = start(b'MPFR\\x01\\x01\\x01\\x02')\n"
    script += """
try:
    asyncio.run(power.renew())
except machine.Ended:
    start()
"""
    assert on_board(script) == [
        "True 1 2",
        r"machine.reset b'MPFR\x01\x01\x01\x00'",
        "True 1 0",
    ]


def test_update_mode_is_entered_three_times(on_board):
    script = POWER + RETREAT + "retreat(start())\n" * 2 + "start()\n" + "retreat(start())\n" * 2
    lines = [line for line in on_board(script) if not line.startswith("machine")]
    assert lines == ["False 0 0", "True 1 0", "True 2 0", "False 2 0", "True 3 0", "stays"]


def test_from_update_mode_there_is_nowhere_better_to_go(on_board):
    script = POWER + RETREAT + "for wish in 0, 1:\n"
    script += "    print(start(b'MPFR\\0' + bytes((wish, 2, 0))).may_retreat)"
    assert on_board(script)[1::2] == ["True", "False"]


def test_an_update_that_ended_starts_the_rounds_over(on_board):
    script = POWER + RETREAT + "start(b'MPFR\\0\\0\\3\\2').remember(rounds=0)\nstart()"
    assert on_board(script) == ["False 3 2", "False 0 0"]


def test_a_walk_is_remembered_past_a_reset(on_board):
    script = POWER + RETREAT + "start().remember(walks=2)\nwith start():\n    start()"
    assert on_board(script) == ["False 0 0", "False 0 2", "False 0 2"]


@pytest.mark.parametrize("memory", (b"", b"MPFR\1", b"mine and more", b"MPFR\0\1\1"))
def test_memory_that_is_not_ours_wishes_nothing(on_board, memory):
    assert on_board(POWER + RETREAT + "start(given[0])", list(memory)) == ["False 0 0"]


def test_a_person_at_the_prompt_has_ten_minutes(on_board):
    script = POWER + (
        """
ticks = []
machine.Timer.init = lambda self, period, callback: ticks.append((period, callback))

"""
        "machine.Timer.deinit = lambda self: ended.append(1)\nended = []\n"
        """
power = Power(90, log)
ended.clear()
from device.start import feed_for_a_person
feed_for_a_person(power)
period, tick = ticks[0]
n = 0

"""
        "while not ended:\n    tick(machine.Timer(0))\n    n += 1\nprint(n * period // 1000)"
    )
    assert on_board(script)[-1] == "600"


WAY = """
import device.power as module
module._LOOK_MS, module._HELD_MS = 10, 50
class Config: button_pin, away_s = 0, given[0]
class Wifi: is_joined = given[1]
class Record: trial = given[2]
class Pin:
    IN, PULL_UP = 1, 2
    def __init__(self, n, mode, pull): pass
    def value(self): return given[3]
machine.Pin = Pin
power = Power(0, log)
async def main():
    task = asyncio.create_task(module.make_way(power, Config, Wifi, Record))
    await asyncio.sleep_ms(200)
try:
    asyncio.run(main())
    print("goes on")
except machine.Ended:
    pass
"""
BY_BUTTON = r"machine.reset b'MPFR\x01\x03\x00\x00'"
BY_ITSELF = r"machine.reset b'MPFR\x01\x02\x00\x00'"


@pytest.mark.parametrize(
    ("away_s", "is_joined", "trial", "level", "expected"),
    (
        (0, True, "-", 1, "goes on"),
        (0, False, "-", 1, "goes on"),
        (0, True, "-", 0, BY_BUTTON),
        (0, True, "b", 0, "goes on"),
        (0.05, False, "-", 1, BY_ITSELF),
        (0.05, True, "-", 1, "goes on"),
        (0.05, False, "b", 1, "goes on"),
    ),
    ids=(
        "all is well", "WiFi is away and nobody wants to know", "the button is held",
        "a trial comes first", "WiFi is away", "it is there", "a trial comes first here, too",
    ),
)  # fmt: skip
def test_when_a_board_makes_way_for_provisioning(
    on_board, away_s, is_joined, trial, level, expected
):
    assert on_board(POWER + WAY, away_s, is_joined, trial, level)[-1] == expected


def test_a_board_without_a_button_has_none_held(on_board):
    script = WAY.replace("button_pin, away_s = 0", "button_pin, away_s = -1")
    assert on_board(POWER + script, 0, True, "-", 0)[-1] == "goes on"
