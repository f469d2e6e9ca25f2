"""Bytes on their way to whoever reads a serial port; they wait for a slow reader, not for ever."""

import time

_KEPT = 1024 * 1024  # bytes that wait for a slow reader
_PIECE = 4096
# After that long without a byte taken nobody is reading: the rest is lost, as on a wire.
_PATIENCE_S = 2


class Outbox:
    """Goes to `file` by `send(data)`, which returns how many bytes were taken."""

    def __init__(self, loop, file, send):
        self._loop = loop
        self._file = file
        self._send = send
        self._waiting = bytearray()
        self._last_taken = time.monotonic()

    def write(self, data):
        """Send now what can be sent, the rest later."""
        self._waiting += data
        self._empty()

    def _empty(self):
        try:
            while self._waiting:
                n = self._send(self._waiting[:_PIECE])
                del self._waiting[:n]
                self._last_taken = time.monotonic()
        except BlockingIOError:
            if len(self._waiting) > _KEPT or time.monotonic() - self._last_taken > _PATIENCE_S:
                self._waiting.clear()
        except ConnectionError:  # whoever read has gone; the end of what comes in says so too
            self._waiting.clear()
        self._loop.watch_write(self._file, self._empty if self._waiting else None)
