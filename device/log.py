"""The log: lines on the serial console, the last of them kept for reports."""

import time

from micropython import const

_LINE_CHARS_MAX = const(160)  # twenty kept lines stay under 4 kB of heap


class Log:
    """Call it with a part's name and the values: `log("wifi", "joined", ssid)`."""

    def __init__(self, keep=20):
        self._keep = keep
        self._last = time.ticks_ms()
        self._ms = 0  # summed up from call to call: ticks wrap after twelve days
        self.lines = []

    def __call__(self, part, *values):
        """Print one line `mpfleet 12.345 wifi: joined home` and keep it."""
        now = time.ticks_ms()
        self._ms += time.ticks_diff(now, self._last)
        self._last = now
        ms = self._ms
        text = " ".join([str(v) for v in values])
        line = ("%d.%03d %s: %s" % (ms // 1000, ms % 1000, part, text))[:_LINE_CHARS_MAX]
        print("mpfleet", line)
        self.lines.append(line)
        if len(self.lines) > self._keep:
            self.lines.pop(0)
