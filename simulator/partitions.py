"""The ESP32's partition table: how it is written in flash, and the layout of a stock 4 MB board
with two firmware slots.
"""

import hashlib
import struct
from typing import NamedTuple

TABLE_OFFSET = 0x8000
TABLE_SIZE = 0xC00
_ENTRY = struct.Struct("<2sBBII16sI")
_MAGIC = b"\xaa\x50"
_MD5_MAGIC = b"\xeb\xeb" + b"\xff" * 14

APP, DATA = 0, 1
FACTORY = 0x00  # the subtype of firmware that otadata does not count
_SUBTYPES = {"ota": 0x00, "nvs": 0x02, "fat": 0x81}
_FILE_SYSTEMS = ("vfs", "ffat")


class Partition(NamedTuple):
    """One entry of the table."""

    label: str
    type: int
    subtype: int
    offset: int
    size: int


LAYOUT = (
    Partition("nvs", DATA, _SUBTYPES["nvs"], 0x9000, 0x4000),
    Partition("otadata", DATA, _SUBTYPES["ota"], 0xD000, 0x2000),
    Partition("phy_init", DATA, 0x01, 0xF000, 0x1000),
    Partition("ota_0", APP, 0x10, 0x10000, 0x180000),
    Partition("ota_1", APP, 0x11, 0x190000, 0x180000),
    Partition("vfs", DATA, _SUBTYPES["fat"], 0x310000, 0xF0000),
)

# Stock boards with one firmware slot. Their firmware makes the file system's partition itself.
SINGLE_APP = (
    Partition("nvs", DATA, _SUBTYPES["nvs"], 0x9000, 0x6000),
    Partition("phy_init", DATA, 0x01, 0xF000, 0x1000),
    Partition("factory", APP, FACTORY, 0x10000, 0x1F0000),
)
SINGLE_APP_2MB = (*SINGLE_APP[:2], Partition("factory", APP, FACTORY, 0x10000, 0x160000))


def encode(partitions):
    """The table as it lies in flash: entries, an MD5 over them, then erased bytes."""
    entries = b"".join(
        _ENTRY.pack(_MAGIC, p.type, p.subtype, p.offset, p.size, p.label.encode(), 0)
        for p in partitions
    )
    table = entries + _MD5_MAGIC + hashlib.md5(entries, usedforsecurity=False).digest()
    return table.ljust(TABLE_SIZE, b"\xff")


def decode(table):
    """The partitions in a table read from flash.

    Raises: ValueError if it is not one, or its MD5 is wrong.
    """
    found = []
    for at in range(0, len(table) - 31, 32):
        entry = table[at : at + 32]
        if entry == b"\xff" * 32:
            break
        if entry.startswith(_MD5_MAGIC):
            if hashlib.md5(table[:at], usedforsecurity=False).digest() != entry[16:]:
                raise ValueError("the partition table does not match its MD5")
            break
        magic, kind, subtype, offset, size, label, _ = _ENTRY.unpack(entry)
        if magic != _MAGIC:
            raise ValueError(f"no partition table entry at {at}")
        found.append(Partition(label.rstrip(b"\0").decode(), kind, subtype, offset, size))
    return tuple(found)


def find(partitions, label):
    """The partition of this name."""
    return next(p for p in partitions if p.label == label)


def firmware_slots(partitions):
    """The partitions that hold firmware, in the order otadata counts them; without an otadata, all
    there are, in the order the bootloader tries them.
    """
    partitions = tuple(partitions)
    apps = sorted((p for p in partitions if p.type == APP), key=lambda p: p.subtype)
    if otadata(partitions):
        return [p for p in apps if p.subtype != FACTORY] or apps
    return apps


def otadata(partitions):
    """The partition that says which slot starts, or None."""
    wanted = DATA, _SUBTYPES["ota"]
    return next((p for p in partitions if (p.type, p.subtype) == wanted), None)


def with_file_system(partitions, flash_size):
    """What the firmware sees: where the table names no file system, all that is left at the end of
    the flash is one.
    """
    end = max((p.offset + p.size for p in partitions), default=flash_size)
    if end >= flash_size or any(p.label in _FILE_SYSTEMS for p in partitions):
        return partitions
    vfs = Partition("vfs", DATA, _SUBTYPES["fat"], end, flash_size - end)
    return (*partitions, vfs)
