"""time on a virtual board: the board's own clock, which counts from 2000-01-01."""

from utime import ticks_ms, ticks_us, ticks_cpu, ticks_add, ticks_diff, sleep, sleep_ms, sleep_us
import utime
import _board

_DAY = 86400
_TO_2000 = 10957  # days from 1970


def time_ns():
    return (utime.ticks_us() + _board.facts["offset_us"]) * 1000


def time():
    return (utime.ticks_us() + _board.facts["offset_us"]) // 1000000


def gmtime(seconds=None):
    if seconds is None:
        seconds = time()
    return utime.gmtime(int(seconds) + _TO_2000 * _DAY)[:8]


localtime = gmtime  # an ESP32 knows no time zones


def mktime(t):
    year, month, day, hour, minute, second = t[:6]
    # Days since 1970 of a civil date, years counted from March; months past the year's end are
    # allowed.
    year += (month - 1) // 12
    month = (month - 1) % 12 + 1
    y = year - (month <= 2)
    days = 365 * y + y // 4 - y // 100 + y // 400 - 719468
    days += (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return ((days - _TO_2000) * 24 + hour) * 3600 + minute * 60 + second
