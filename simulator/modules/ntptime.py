"""ntptime on a virtual board: the time servers are the radio's."""

import machine
import _board

host = "pool.ntp.org"
timeout = 1


def time():
    return _board.call("ntp")


def settime():
    import time as _time

    t = _time.gmtime(time())
    machine.RTC().datetime((t[0], t[1], t[2], t[6] + 1, t[3], t[4], t[5], 0))
