"""The flash of a board on the rig: its operations are counted, and the power fails at one of them.

Runs in MicroPython.
"""

# It runs in MicroPython, in a test:
# ruff: noqa: S605, SIM115

import json
import os
from binascii import hexlify, unhexlify

BLOCK_BYTES = 4096
BLOCKS = 240
ERASED = b"\xff" * BLOCK_BYTES
_FILLING = "/data.log"


class Flash:
    """NOR flash over a file: erasing sets a block, programming clears bits; each counts as one."""

    def __init__(self, path, blocks):
        self._blocks = blocks
        self._file = open(path, "r+b")
        self._scratch = bytearray(BLOCK_BYTES)
        self.count_from_here(0, "before")

    def count_from_here(self, cut_at=0, when="before"):
        """The next operation is the first; the power fails at the `cut_at`-th, 0 for none."""
        self._cut_at, self._when = cut_at, when
        self.operations = 0

    def readblocks(self, block, buffer, offset=0):
        self._file.seek(block * BLOCK_BYTES + offset)
        self._file.readinto(buffer)

    def writeblocks(self, block, buffer, offset=0):
        n = len(buffer)
        at = block * BLOCK_BYTES + offset
        old = memoryview(self._scratch)[:n]
        self._file.seek(at)
        self._file.readinto(old)
        for i in range(n):
            if old[i] != 0xFF:  # rare: littlefs programs what it erased
                assert old[i] & buffer[i] == buffer[i], "programmed without erasing"
        self._write(at, buffer)

    def ioctl(self, op, arg):
        if op == 4:
            return self._blocks
        if op == 5:
            return BLOCK_BYTES
        if op == 6:
            self._write(arg * BLOCK_BYTES, ERASED)
        return 0

    def operate(self, act, tear=lambda: None):
        """Count one operation and do it, unless the power fails at it; `tear` does half of it."""
        self.operations += 1
        is_cut = self.operations == self._cut_at
        {"before": lambda: None, "middle": tear, "after": act}[self._when if is_cut else "after"]()
        if is_cut:
            cut()

    def uncounted(self, act):
        """Do what is no part of the scenario: none of its operations counts, none is cut."""
        told = self.operations, self._cut_at
        self._cut_at = 0
        act()
        self.operations, self._cut_at = told

    def _write(self, at, data):
        def put(part):
            self._file.seek(at)
            self._file.write(part)

        half = memoryview(data)[: len(data) // 2]
        self.operate(lambda: put(data), lambda: put(half))


def cut():
    """The power fails: nobody is asked, nothing is tidied up."""
    os.system("kill -9 $PPID")
    while True:
        pass


class Nvs:
    """esp32.NVS: a file beside the flash. A commit is one operation, done or not: never torn."""

    flash = path = None  # mount() says

    def __init__(self, namespace):
        self._changes = {}

    def get_i32(self, key):
        return self._get(key)

    def get_blob(self, key, buffer):
        value = unhexlify(self._get(key))
        buffer[: len(value)] = value
        return len(value)

    def set_i32(self, key, value):
        self._changes[key] = value

    def set_blob(self, key, value):
        self._changes[key] = hexlify(value).decode()

    def erase_key(self, key):
        self._get(key)
        self._changes[key] = None

    def commit(self):
        values = self._values()
        values.update(self._changes)
        self.flash.operate(lambda: self._write(values))
        self._changes = {}

    def _get(self, key):
        value = self._values().get(key)
        if value is None:
            raise OSError(-4354, "ESP_ERR_NVS_NOT_FOUND")
        return value

    def _values(self):
        with open(self.path) as f:
            return json.load(f)

    def _write(self, values):
        with open(self.path, "w") as f:
            json.dump(values, f)


def fill():
    """Write files until the file system has no block left, as an application may."""
    _write_on(_FILLING, 32768)
    _write_on(_FILLING, 512)
    for n in range(4):  # appending takes a block to copy the last one to: that, too, goes
        _write_on(_FILLING + str(n), 512, 1)


def _write_on(path, size, times=BLOCKS):
    try:
        with open(path, "ab") as f:
            for _ in range(times):
                f.write(bytes(size))
                f.flush()
    except OSError:  # what was flushed stays
        pass


def is_filled():
    return _FILLING[1:] in os.listdir("/")


def free():
    """Remove what the application wrote, if it did."""
    for name in os.listdir("/"):
        if name.startswith(_FILLING[1:]):
            os.remove("/" + name)
