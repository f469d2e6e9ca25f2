"""The serial port of a virtual board as the computer sees it: a pty whose path stays the same
while the board lives.
"""

import os
import termios
import time
import tty

_KEPT = 1024 * 1024  # bytes that wait for a slow reader
_PATIENCE_S = (
    2  # after that long without a byte taken nobody is reading: the rest is lost, as on a wire
)


class Port:
    """`path` is what mpremote opens. What comes in is handed to `when_received`."""

    def __init__(self, loop, when_received):
        self._loop = loop
        self._when_received = when_received
        self._master, self._slave = (
            os.openpty()
        )  # the slave stays open, or the master would fail between two visitors
        tty.setraw(self._slave, termios.TCSANOW)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._waiting = bytearray()
        self._last_taken = time.monotonic()
        loop.watch(self._master, self._receive)

    def write(self, data):
        """Send to whoever has the port open."""
        self._waiting += data
        self._send()

    def close(self):
        """Take the port away."""
        self._loop.forget(self._master)
        os.close(self._master)
        os.close(self._slave)

    def _receive(self):
        try:
            data = os.read(self._master, 4096)
        except (BlockingIOError, OSError):
            return
        self._when_received(data)

    def _send(self):
        try:
            while self._waiting:
                n = os.write(self._master, self._waiting[:4096])
                del self._waiting[:n]
                self._last_taken = time.monotonic()
        except BlockingIOError:
            if len(self._waiting) > _KEPT or time.monotonic() - self._last_taken > _PATIENCE_S:
                self._waiting.clear()
        self._loop.watch_write(self._master, self._send if self._waiting else None)
