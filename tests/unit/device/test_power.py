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
    assert on_board(script) == ["tidy update", "power update", r"machine.reset b'MPFR\x01'"]


def test_a_deep_sleep_settles_first_and_is_announced(on_board):
    script = POWER + RESTART + "end(power.sleep(60))"
    assert on_board(script) == [
        "settle deep sleep for 60 s",
        "tidy deep sleep for 60 s",
        "power deep sleep for 60 s",
        r"machine.deepsleep 60000 b'MPFR\x01'",
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
    assert on_board(script) == [r"b'MPFR\x02'", r"b'MPFR\x00'"]


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
    assert on_board(script) == [r"b'MPFR\x00'"]


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
power.feed_for_a_person()
period, tick = ticks[0]
n = 0

"""
        "while not ended:\n    tick(machine.Timer(0))\n    n += 1\nprint(n * period // 1000)"
    )
    assert on_board(script)[-1] == "600"
