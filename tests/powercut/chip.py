"""The firmware side of a board on the rig: two slots, otadata, and the simulator's bootloader.

Runs in MicroPython. It lies behind the file system in the same flash, so that its operations are
counted and cut with the others.
"""

# It runs in MicroPython, in a test:
# ruff: noqa: B904, C901

import struct
import sys
from hashlib import sha256

_BLOCK = 4096
SLOT_BLOCKS = 24
_LABELS = ("ota_0", "ota_1")
_MARK = b"virtual\0"


def load_bootloader(folder):
    """The simulator's bootloader, without the rest of the simulator (which is CPython's)."""
    sys.path.insert(0, folder)
    import otadata

    sys.modules["simulator"] = sys.modules["simulator.otadata"] = otadata
    import bootloader

    sys.path.pop(0)
    return bootloader, otadata


def make_image(name, size=9000, behaviour="", magic=0xE9, chip=0, body=b""):
    """An image in the ESP32's format whose ELF hash is `name`, and that carries `body`."""
    descriptor = struct.pack("<I140s32s80s", 0xABCD5432, b"", name, b"")
    body = body or name * (size // len(name) + 1)
    code = _MARK + behaviour.encode() if behaviour else b""
    segments = (descriptor + body[: size - 400], code + bytes(16 - len(code)))
    head = (magic, 2, 2, 32, 0x40080000, b"", chip, 0, 0, 0, b"", 1)
    image = struct.pack("<BBBBI4sHBHH4sB", *head)
    for data in segments:
        image += struct.pack("<II", 0x3F400020, len(data)) + data
    image += bytes(15 - len(image) % 16) + bytes([checksum(segments)])
    return image + sha256(image).digest()


def checksum(segments):
    """What the last byte before the hash says: all bytes of the segments, folded into one."""
    words = 0
    for data in segments:
        for at in range(0, len(data), 256):
            words ^= int.from_bytes(data[at : at + 256], "little")
    folded = 0xEF
    for byte in words.to_bytes(256, "little"):
        folded ^= byte
    return folded


class Chip:
    """What is behind the file system's `first` blocks."""

    def __init__(self, flash, first, simulator):
        self._flash, self._first = flash, first
        self._bootloader, self._otadata = load_bootloader(simulator)
        self.has_rollback = True
        self.starts = []  # the slot of each
        self.running = None

    # What otadata.py asks of a flash.

    def read(self, offset, size):
        found = bytearray(size)
        self._flash.readblocks(self._first + offset // _BLOCK, found, offset % _BLOCK)
        return bytes(found)

    def erase(self, offset):
        self._flash.ioctl(6, self._first + offset // _BLOCK)

    def program(self, offset, data):
        self._flash.writeblocks(self._first + offset // _BLOCK, data, offset % _BLOCK)

    def flash_image(self, slot, content):
        """As esptool does."""
        for at in range(0, len(content), _BLOCK):
            self.erase(place(slot) + at)
            self.program(place(slot) + at, content[at : at + _BLOCK])

    def entries(self):
        """otadata's records."""
        return self._otadata.read(self, 0)

    def start(self):
        """A reset: the label of the slot that runs, or None; its behaviour is `behaviour`."""
        before = self.entries()
        whole = [self.image(slot) is not None for slot in (0, 1)]
        is_blank = self._otadata.has_blanks(self, 0)
        choice = self._bootloader.choose(before, whole, self.has_rollback, is_blank)
        for n in (0, 1):
            if choice.entries[n] != before[n]:
                self._otadata.write(self, 0, n, choice.entries[n])
        self.running = choice.slot
        self.starts.append(choice.slot)
        self.behaviour = "" if choice.slot is None else self.image(choice.slot)[1]
        return self.running

    def name(self):
        """Of the image that runs: its ELF hash without what repeats."""
        return self.read(place(self.running) + 176, 3).decode()

    def image(self, slot):
        """(size, behaviour) of a whole image, or None."""
        head = self.read(place(slot), 24)
        if head[0] != 0xE9 or head[12] or head[13]:
            return None
        at, segments = 24, []
        for _ in range(head[1]):
            size = int.from_bytes(self.read(place(slot) + at + 4, 4), "little")
            if at + size > SLOT_BLOCKS * _BLOCK:
                return None
            segments.append(self.read(place(slot) + at + 8, size))
            at += 8 + size
        at += 16 - at % 16
        if at + 32 > SLOT_BLOCKS * _BLOCK:
            return None
        body = self.read(place(slot), at)
        if not segments or body[-1] != checksum(segments):
            return None
        if self.read(place(slot) + at, 32) != sha256(body).digest():
            return None
        last = segments[-1][:32]
        return at + 32, (last[8:].rstrip(b"\0").decode() if last[:8] == _MARK else "")

    # What esp32.Partition asks.

    def set_boot(self, slot):
        if self.image(slot) is None:
            raise OSError(-5379, "ESP_ERR_OTA_VALIDATE_FAILED")
        self._otadata.write(self, 0, *self._bootloader.select(self.entries(), slot, 2))

    def confirm(self):
        try:
            change = self._bootloader.confirm(self.entries())
        except LookupError:
            raise OSError(-1, "ESP_FAIL")
        if change:
            self._otadata.write(self, 0, *change)


def place(slot):
    """Where a slot begins: behind otadata's two sectors."""
    return (2 + slot * SLOT_BLOCKS) * _BLOCK


def partitions(chip):
    """esp32.Partition over a chip."""

    class Partition:
        RUNNING = 1
        TYPE_APP = 0
        TYPE_DATA = 1

        def __init__(self, which):
            which = _LABELS[chip.running] if which == Partition.RUNNING else which
            self._slot = _LABELS.index(which) if which in _LABELS else 0
            self._at = place(self._slot) if which in _LABELS else 0

        def info(self):
            at, size = 0x10000 + self._at, SLOT_BLOCKS * _BLOCK
            return (0, 16 + self._slot, at, size, _LABELS[self._slot], False)

        def readblocks(self, block, buffer, offset=0):
            buffer[:] = chip.read(self._at + block * _BLOCK + offset, len(buffer))

        def writeblocks(self, block, buffer):
            at = self._at + block * _BLOCK
            chip.erase(at)
            chip.program(at, buffer)

        def ioctl(self, op, block):
            assert op == 6
            chip.erase(self._at + block * _BLOCK)

        @classmethod
        def find(cls, kind, subtype=255):
            return [cls(label) for label in (_LABELS if kind == cls.TYPE_APP else ("otadata",))]

        def get_next_update(self):
            return Partition(_LABELS[1 - self._slot])

        def set_boot(self):
            chip.set_boot(self._slot)

        @classmethod
        def mark_app_valid_cancel_rollback(cls):
            chip.confirm()

    return Partition
