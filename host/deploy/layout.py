"""What lies where in a board's flash: partition tables, and what a change of one loses. Pure."""

import struct
from collections.abc import Sequence
from typing import NamedTuple

TABLE_OFFSET, TABLE_BYTES = 0x8000, 0xC00
SECTOR = 4096
MB = 1 << 20
_ENTRY = struct.Struct("<2sBBII16sI")
_MAGIC = b"\xaa\x50"
_APP, _DATA = 0, 1
_OTA_SLOTS = range(0x10, 0x20)
_NVS, _OTADATA, _FAT = 2, 0, 0x81  # subtypes of data
_FILES = (_FAT, 0x82, 0x83)  # or SPIFFS, or littlefs
_FILE_LABELS = ("vfs", "ffat")

SMALLEST_FLASH = 4 * MB
Segment = tuple[int, bytes]  # an offset in flash, and what is to lie there


class Partition(NamedTuple):
    """One entry of a table."""

    label: str
    kind: int
    subtype: int
    offset: int
    size: int

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.offset + self.size


class Layout(tuple[Partition, ...]):
    """The partitions of a board or of an image; empty where there is no table."""

    @property
    def apps(self) -> list[Partition]:
        """Those that hold firmware, by their place."""
        return sorted((p for p in self if p.kind == _APP), key=lambda p: p.offset)

    @property
    def is_ota(self) -> bool:
        """Whether firmware can be updated over the air: two slots, and a record of which runs."""
        slots = [p for p in self if p.kind == _APP and p.subtype in _OTA_SLOTS]
        return len(slots) > 1 and self.otadata is not None

    @property
    def nvs(self) -> Partition | None:
        """Where identity, secret and WiFi calibration lie."""
        return self._data(_NVS)

    @property
    def otadata(self) -> Partition | None:
        """Where the bootloader reads which slot starts."""
        return self._data(_OTADATA)

    @property
    def files(self) -> Partition | None:
        """The file system."""
        return self._data(*_FILES)

    def _data(self, *subtypes: int) -> Partition | None:
        return next((p for p in self if p.kind == _DATA and p.subtype in subtypes), None)


def parse(raw: bytes) -> Layout:
    """The table in these bytes; empty where there is none."""
    found = []
    for at in range(0, len(raw) - _ENTRY.size + 1, _ENTRY.size):
        magic, kind, subtype, offset, size, label, _ = _ENTRY.unpack_from(raw, at)
        if magic != _MAGIC:  # the end, or the hash over what came before
            break
        name = label.split(b"\0")[0].decode("ascii", "replace")
        found.append(Partition(name, kind, subtype, offset, size))
    return Layout(found)


def with_files(table: Layout, flash_bytes: int) -> Layout:
    """What the firmware makes of a table without a file system: the rest of the flash is one."""
    end = max((p.end for p in table), default=flash_bytes)
    if table.files or any(p.label in _FILE_LABELS for p in table) or end >= flash_bytes:
        return table
    return Layout((*table, Partition("vfs", _DATA, _FAT, end, flash_bytes - end)))


def keeps_nvs(old: Layout, new: Layout, tail: bytes = b"") -> bool:
    """Whether what is in NVS stays: same place, and, where it shrinks, nothing in its `tail`."""
    if not old.nvs or not new.nvs or old.nvs.offset != new.nvs.offset:
        return False
    return old.nvs.size == new.nvs.size or (
        old.nvs.size > new.nvs.size
        and len(tail) == old.nvs.size - new.nvs.size
        and not tail.strip(b"\xff")
    )


def keeps_files(old: Layout, new: Layout) -> bool:
    """Whether the file system stays as it is."""
    return bool(old.files and new.files) and old.files[3:] == new.files[3:]


def lost(old: Layout, new: Layout, tail: bytes = b"") -> list[str]:
    """What a board loses by the new layout, as words for a person. A blank board loses nothing."""
    losses = (
        (old.files and not keeps_files(old, new), "all its files"),
        (old.nvs and not keeps_nvs(old, new, tail), "its identity and secret"),
    )
    return [words for is_lost, words in losses if is_lost]


def blanks(old: Layout, new: Layout, tail: bytes = b"") -> list[Segment]:
    """What is erased under a new firmware, so that nothing old is taken for something new."""
    found: list[Segment] = []
    if new.nvs and not keeps_nvs(old, new, tail):
        found.append((new.nvs.offset, b"\xff" * new.nvs.size))
    if new.otadata:  # then the first slot starts
        found.append((new.otadata.offset, b"\xff" * new.otadata.size))
    if new.files and not keeps_files(old, new):  # MicroPython formats where this is blank
        found.append((new.files.offset, b"\xff" * 2 * SECTOR))
    return found


def is_too_small(flash_bytes: int) -> bool:
    """Whether a flash cannot hold what a board needs; 0 is not known."""
    return 0 < flash_bytes < SMALLEST_FLASH


def too_small(flash_bytes: int) -> tuple[str, str, str]:
    """Word, sentence and advice for a board with such a flash."""
    detail = (
        f"the board has {flash_bytes // MB} MB of flash: two firmwares and three copies of the "
        "runtime take 4 MB"
    )
    return "small-flash", detail, "use a board with 4 MB or more; docs/BOARDS.md lists some"


def describe(layout: Sequence[Partition]) -> str:
    """A table as a few words."""
    if not layout:
        return "no partition table"
    return "OTA layout" if Layout(layout).is_ota else "single-app layout"
