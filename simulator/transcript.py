"""What came out of a board's serial port: kept, written to a file, and waited for."""

import threading
import time


class Transcript:
    """Bytes are written by the board's thread, read by any other. A mark is a number of bytes."""

    def __init__(self, path):
        self._bytes = bytearray()
        self._heard = threading.Condition()
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - open as long as the board is
        self.on_text = None  # called with every piece

    def write(self, data):
        """One more piece."""
        self._file.write(data)
        if self.on_text:
            self.on_text(data)
        with self._heard:
            self._bytes += data
            self._heard.notify_all()

    @property
    def mark(self):
        """How much there is so far."""
        with self._heard:
            return len(self._bytes)

    def since(self, mark):
        """The text after a mark."""
        with self._heard:
            return self._bytes[mark:].decode("utf-8", "replace")

    def wait_for(self, text, timeout, mark):
        """Wait until this text came after the mark; returns the mark at its end.

        Raises: TimeoutError with what came instead.
        """
        wanted, deadline = text.encode(), time.monotonic() + timeout
        with self._heard:
            while (at := self._bytes.find(wanted, mark)) < 0:
                left = deadline - time.monotonic()
                if left <= 0:
                    tail = self._bytes[-2000:].decode("utf-8", "replace")
                    raise TimeoutError(f"no {text!r} within {timeout} s but:\n{tail}")
                self._heard.wait(left)
            return at + len(wanted)

    def close(self):
        """Close the file; the text stays."""
        self._file.close()
