"""The clock: dates, and whom it believes."""

import pytest

# time.time() follows the fake RTC, as on a board.
CLOCK = """
import esp32, machine, time
import device.clock as module
from device.http import seconds
def at_2000(year):
    return seconds(year, 1, 1, 0, 0, 0)
class Time:
    offset = 0
    gmtime = time.gmtime
    def time():
        return time.time() + Time.offset
def datetime(self, t):
    wanted = seconds(t[0], t[1], t[2], t[4], t[5], t[6]) + 946684800
    Time.offset = wanted - time.time()
machine.RTC.datetime = datetime
module.time = Time
def at(year, month=1):
    Time.offset = seconds(year, month, 1, 0, 0, 0) + 946684800 - time.time()
def year():
    return time.gmtime(int(Time.time()))[0]
esp32.NVS.committed["floor"] = seconds(2026, 1, 1, 0, 0, 0)
from device.store import Nvs
class Config:
    ntp_host = "ntp.test"
nvs = Nvs()
class Power:
    def __enter__(self):
        machine.RTC.stored = b"blocking"
    def __exit__(self, *_):
        machine.RTC.stored = b""
clock = module.Clock(nvs, Config(), lambda *values: None, Power())
import asyncio
class ntptime:
    answer = 0
    def time():
        ntptime.mark = machine.RTC.stored
        if ntptime.answer is None:
            raise OSError(110)
        return ntptime.answer + 946684800
sys.modules["ntptime"] = ntptime
def ntp(answer):
    ntptime.answer = answer
    asyncio.run(clock.sync_ntp())
"""


def check(on_board, script):
    return on_board(CLOCK + script)[-1]


def test_a_clock_below_the_floor_is_lifted_to_it_but_not_believed(on_board):
    assert (
        check(on_board, "at(2000)\nclock.start()\nprint(year(), clock.is_set, clock.now())")
        == "2026 False 0"
    )


def test_a_clock_that_ran_through_a_reset_is_kept(on_board):
    assert check(on_board, "at(2027)\nclock.start()\nprint(year(), clock.is_set)") == "2027 True"


def test_a_date_sets_the_clock(on_board):
    script = """
at(2000)
clock.start()
clock.hear(at_2000(2044))
print(year(), clock.is_set)
"""
    assert check(on_board, script) == "2044 True"


def test_a_date_below_the_floor_is_ignored(on_board):
    script = """
at(2000)
clock.start()
clock.hear(at_2000(2022))
print(year(), clock.is_set)
"""
    assert check(on_board, script) == "2026 False"


def test_ntp_sets_the_clock(on_board):
    assert (
        check(
            on_board,
            "clock.start()\nntp(seconds(2028, 1, 1, 0, 0, 0))\nprint(year(), clock.is_set)",
        )
        == "2028 True"
    )


def test_ntp_without_an_answer_changes_nothing(on_board):
    assert (
        check(on_board, "at(2000)\nclock.start()\nntp(None)\nprint(year(), clock.is_set)")
        == "2026 False"
    )


def test_ntp_does_not_outrank_the_host(on_board):
    script = """
clock.start()
clock.hear(at_2000(2044))
ntp(seconds(2060, 1, 1, 0, 0, 0))
print(year())
"""
    assert check(on_board, script) == "2044"


@pytest.mark.parametrize("who", ("ntp(%s)", "clock.hear(%s)"))
def test_a_time_that_no_esp32_can_show_is_ignored(on_board, who):
    # 32 bits: from 2068 on gmtime of MicroPython 1.25 raises an OverflowError
    said = who % "seconds(2069, 1, 1, 0, 0, 0)"
    assert check(on_board, f"at(2027)\nclock.start()\n{said}\nprint(year())") == "2027"


@pytest.mark.parametrize("answer", ("820000000", "None"))
def test_a_reset_while_ntp_holds_the_loop_is_no_crash(on_board, answer):
    script = f"clock.start()\nntp({answer})\nprint(ntptime.mark, machine.RTC.stored)"
    assert check(on_board, script) == "b'blocking' b''"


def test_a_clock_of_2099_is_left_for_the_floor_when_certificates_fail(on_board):
    script = """
clock.start()
at(2099)
print(clock.doubt(), year(), clock.is_set)
"""
    assert check(on_board, script) == "True 2026 False"


def test_doubt_has_nothing_to_offer_at_the_floor(on_board):
    assert check(on_board, "at(2000)\nclock.start()\nprint(clock.doubt())") == "False"


def test_nothing_but_deploy_raises_the_stored_floor(on_board):
    script = (
        "clock.start()\nntp(seconds(2060, 1, 1, 0, 0, 0))\n"
        """
clock.hear(at_2000(2044))
print(nvs.number('floor') == clock.floor == seconds(2026, 1, 1, 0, 0, 0))
"""
    )
    assert check(on_board, script) == "True"
