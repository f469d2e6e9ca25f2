"""The running clock: lifted to the floor at start, set by the host's `Date` or by NTP, not stored.

Only offline-signed metadata raise the stored floor: one lying time server must not outlive a reset
(DESIGN section 5).
"""

import time

from micropython import const

from device.protocol import EPOCH_2000

# a `Date` within this of the running clock changes nothing: it has whole seconds and travelled
_SLACK_S = const(3)
# In 2068: 32 bits are all that gmtime of MicroPython 1.25 takes.
_LATEST = const(0x7FFFFFFF)


class Clock:
    """Sets the board's real-time clock and knows whether it is to be believed."""

    def __init__(self, nvs, config, log, power):
        import machine

        self.floor = nvs.number("floor", 0)
        self.is_set = False
        # by a Date over verified TLS: that outranks NTP, which anybody can fake
        self._is_vouched = False
        self._ntp_host = config.ntp_host
        self._rtc = machine.RTC()
        self._log = log
        self._power = power

    def start(self):
        """Lift the clock to the floor, for certificates; one that ran through a reset stays."""
        if not self.lift(self.floor):
            self.is_set = self.floor > 0  # it survived a soft reset or a deep sleep

    def lift(self, floor):
        """The floor from now on; whether the running clock was below it, and was lifted."""
        self.floor = floor
        is_below = self._now_2000() < floor
        if is_below:
            self._set(floor)
        return is_below

    def now(self):
        """Seconds since 1970, or 0 while the clock is unknown."""
        return self._now_2000() + EPOCH_2000 if self.is_set else 0

    def hear(self, heard):
        """Take the time, seconds since 2000, from a `Date` header over verified TLS."""
        if not self.floor <= heard <= _LATEST:
            return
        self._is_vouched = self.is_set = True
        if abs(heard - self._now_2000()) > _SLACK_S:
            self._set(heard)
            self._log("clock", "set by the host")

    async def sync_ntp(self):
        """Ask NTP unless the host has told the time.

        Holds the loop for the name look-up and a second at most.
        """
        if self._is_vouched:
            return
        import ntptime  # used once or never

        ntptime.host = self._ntp_host
        ntptime.timeout = 1
        try:
            with self._power:  # a reset while this holds the loop is no crash
                heard = ntptime.time() - _epoch_offset()
        except (OSError, ValueError, IndexError) as e:
            self._log("clock", "no NTP:", repr(e))
            return
        if self.floor <= heard <= _LATEST:
            self._set(heard)
            self.is_set = True
            self._log("clock", "set by NTP")

    def doubt(self):
        """A certificate was out of its time: fall back to the floor, which nobody can lie about.

        Returns whether the clock was changed, that is, whether trying again makes sense.
        """
        if self.floor <= 0 or abs(self._now_2000() - self.floor) <= 600:
            return False
        self._set(self.floor)
        self.is_set = self._is_vouched = False
        self._log("clock", "certificate out of its time: back to the floor")
        return True

    def _now_2000(self):
        return int(time.time()) - _epoch_offset()

    def _set(self, seconds_2000):
        t = time.gmtime(seconds_2000 + _epoch_offset())
        self._rtc.datetime((t[0], t[1], t[2], t[6], t[3], t[4], t[5], 0))


def _epoch_offset():
    # ESP32 counts from 2000, others from 1970
    return 0 if time.gmtime(0)[0] == 2000 else EPOCH_2000
