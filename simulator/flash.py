"""The flash chip of a virtual board: a file that obeys NOR rules, counts its operations and can
lose power at any of them.
"""

import os
from pathlib import Path

SIZE = 4 * 1024 * 1024  # of most boards
SECTOR = 4096  # the smallest piece that can be erased
_WHENS = ("before", "middle", "after")


class FlashError(Exception):
    """The software on the board asked for something that no flash can do."""


class PowerCut(BaseException):
    """The power went at a flash operation."""


class Flash:
    """A NOR flash in the file at `path`; a missing file is a chip of `size` fresh from the factory
    (all bits set).
    """

    def __init__(self, path, size=SIZE):
        self.path = Path(path)
        if not self.path.exists():
            self.path.write_bytes(b"\xff" * size)
        self.size = self.path.stat().st_size
        self._file = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        self.operations = 0
        self._cut_at = None
        self._cut_when = ""
        self.on_operation = None  # called with (offset, bytes) of each, before it is done

    def close(self):
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def read(self, offset, size):
        """The bytes at `offset`."""
        self._check_range(offset, size)
        return os.pread(self._file, size, offset)

    def erase(self, offset):
        """Set every bit of the sector at `offset`."""
        if offset % SECTOR:
            raise FlashError(f"erase at {offset:#x}, which is not the start of a sector")
        self._check_range(offset, SECTOR)
        self._operate(offset, b"\xff" * SECTOR)

    def program(self, offset, data):
        """Clear bits at `offset` so that the bytes become `data`.

        Raises: FlashError where a bit would have to be set, which only an erase can do.
        """
        self._check_range(offset, len(data))
        old = os.pread(self._file, len(data), offset)
        if int.from_bytes(data, "little") & ~int.from_bytes(old, "little"):
            raise FlashError(
                f"programming {len(data)} bytes at {offset:#x} without erasing them first"
            )
        self._operate(offset, data)

    def cut_power_at(self, n, when="before"):
        """Raise PowerCut at the n-th operation from now (1 is the next one), before, in the middle
        of, or after it.
        """
        if n < 1 or when not in _WHENS:
            raise ValueError(f"cut at {n} {when}: expected 1 or more and one of {_WHENS}")
        self._cut_at, self._cut_when = self.operations + n, when

    def keep_power(self):
        """Forget a cut that did not come yet."""
        self._cut_at = None

    def _operate(self, offset, data):
        self.operations += 1
        if self.on_operation:
            self.on_operation(offset, bytes(data))
        if self.operations != self._cut_at:
            os.pwrite(self._file, data, offset)
            return
        self._cut_at = None
        done = {"before": 0, "middle": len(data) // 2, "after": len(data)}[self._cut_when]
        os.pwrite(self._file, data[:done], offset)
        raise PowerCut(self._cut_when, offset)

    def _check_range(self, offset, size):
        if offset < 0 or offset + size > self.size:
            raise FlashError(f"{size} bytes at {offset:#x} are not on this chip")
