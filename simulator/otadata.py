"""otadata: the two records in which an ESP32's bootloader finds the firmware slot to start
(esp_ota_select_entry_t).
"""

import struct
import zlib
from typing import NamedTuple

SECTOR = 4096
NEW, PENDING_VERIFY, VALID, INVALID, ABORTED, UNDEFINED = 0, 1, 2, 3, 4, 0xFFFFFFFF
_ENTRY = struct.Struct("<I20sII")
_NO_SEQUENCE = 0xFFFFFFFF


class Entry(NamedTuple):
    """One record; its slot is (sequence - 1) modulo the number of slots."""

    sequence: int
    state: int


def _crc(sequence):
    # The ROM's crc32_le(UINT32_MAX, …) is zlib's CRC with both ends inverted once more.
    return zlib.crc32(struct.pack("<I", sequence), 0xFFFFFFFF) & 0xFFFFFFFF


def encode(entry):
    """The bytes of one record, to be programmed at the start of its sector."""
    return _ENTRY.pack(entry.sequence, b"\xff" * 20, entry.state, _crc(entry.sequence))


def decode(raw):
    """The record in these bytes, or None if there is none (erased, or torn)."""
    sequence, _, state, crc = _ENTRY.unpack(raw[: _ENTRY.size])
    if sequence in (0, _NO_SEQUENCE) or crc != _crc(sequence):
        return None
    return Entry(sequence, state)


def read(flash, offset):
    """Both records of the otadata partition at `offset`, None for one that is not valid."""
    return [decode(flash.read(offset + n * SECTOR, _ENTRY.size)) for n in (0, 1)]


def write(flash, offset, n, entry):
    """Replace record n: an erase, then one write, as ESP-IDF does it."""
    flash.erase(offset + n * SECTOR)
    flash.program(offset + n * SECTOR, encode(entry))
