"""What goes on in a board's chip by itself: the real-time clock, the watchdog, the timers."""

import time

EPOCH_2000 = 946_684_800  # 2000-01-01 in seconds since 1970


class RealTimeClock:
    """Counts from 2000-01-01 after the power came; only a lack of power stops it. Its memory lasts
    as long.
    """

    def __init__(self):
        self.lose_power()

    def lose_power(self):
        """Begin anew."""
        self.offset_us = (
            -time.monotonic_ns() // 1000
        )  # to be added to the computer's monotonic clock
        self.memory = b""

    @property
    def now(self):
        """Seconds since 2000 as the board has it."""
        return (time.monotonic_ns() // 1000 + self.offset_us) / 1e6

    @now.setter
    def now(self, seconds):
        self.offset_us = int(seconds * 1e6) - time.monotonic_ns() // 1000

    @property
    def unix_time(self):
        """Seconds since 1970 as the board has it; assign to it to set the clock."""
        return self.now + EPOCH_2000

    @unix_time.setter
    def unix_time(self, seconds):
        self.now = seconds - EPOCH_2000


class Watchdog:
    """Bites when it was not fed for a period. It cannot be stopped by software, and survives a
    soft reset.
    """

    def __init__(self, loop, bite):
        self._loop = loop
        self._bite = bite
        self._timer = None
        self.period_s = 0

    def arm(self, period_s):
        """Begin, or go on with another period."""
        self.period_s = period_s
        self.feed()

    def feed(self):
        """Start the period anew."""
        if self._timer is not None:
            self._timer.cancel()
        if self.period_s:
            self._timer = self._loop.after(self.period_s, self._bite)

    def lose_power(self):
        """Only a reset of the chip, or no power, ends it."""
        self.period_s = 0
        self.feed()


class Timers:
    """The chip's timers; each expiry is told as an event `t` and the timer's number."""

    def __init__(self, loop, tell):
        self._loop = loop
        self._tell = tell
        self._running = {}

    def start(self, number, period_ms, is_periodic):
        """Start (or restart) a timer."""
        self.stop(number)
        due = time.monotonic() + period_ms / 1000
        self._running[number] = self._loop.after(
            period_ms / 1000, self._expire, number, due, period_ms, is_periodic
        )

    def stop(self, number):
        """Stop one, if it runs."""
        timer = self._running.pop(number, None)
        if timer:
            timer.cancel()

    def stop_all(self):
        """Every reset does, a soft one too."""
        for number in list(self._running):
            self.stop(number)

    def _expire(self, number, due, period_ms, is_periodic):
        if is_periodic:
            due += period_ms / 1000
            wait = max(0.001, due - time.monotonic())
            self._running[number] = self._loop.after(
                wait, self._expire, number, due, period_ms, True
            )
        else:
            del self._running[number]
        self._tell(b"t" + number.to_bytes(2, "little"))
