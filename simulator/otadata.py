"""otadata: the two records in which an ESP32's bootloader finds the firmware slot to start
(esp_ota_select_entry_t).
"""

import struct
from binascii import crc32
from collections import namedtuple

SECTOR = 4096
NEW, PENDING_VERIFY, VALID, INVALID, ABORTED, UNDEFINED = 0, 1, 2, 3, 4, 0xFFFFFFFF
_ENTRY = "<I20sII"
_SIZE = 32
_NO_SEQUENCE = 0xFFFFFFFF


# One record; its slot is (sequence - 1) modulo the number of slots. (Not a typing.NamedTuple: in
# tests MicroPython, too, runs this file and the bootloader's.)
Entry = namedtuple("Entry", ("sequence", "state"))


def _crc(sequence):
    # The ROM's crc32_le(UINT32_MAX, …) is zlib's CRC with both ends inverted once more.
    return crc32(struct.pack("<I", sequence), 0xFFFFFFFF) & 0xFFFFFFFF


def encode(entry):
    """The bytes of one record, to be programmed at the start of its sector."""
    return struct.pack(_ENTRY, entry.sequence, b"\xff" * 20, entry.state, _crc(entry.sequence))


def decode(raw):
    """The record in these bytes, or None if there is none (erased, or torn)."""
    sequence, _, state, crc = struct.unpack(_ENTRY, raw[:_SIZE])
    if sequence == _NO_SEQUENCE or crc != _crc(sequence):
        return None
    return Entry(sequence, state)


def is_blank(raw):
    """Whether the bootloader takes these bytes for a place where no record was written yet, or one
    that was given up; garbage with a sequence it takes for a record, whose CRC is wrong.
    """
    sequence, _, state, _ = struct.unpack(_ENTRY, raw[:_SIZE])
    return sequence == _NO_SEQUENCE or state in (PENDING_VERIFY, INVALID, ABORTED)


def read(flash, offset):
    """Both records of the otadata partition at `offset`, None for one that is not valid."""
    return [decode(flash.read(offset + n * SECTOR, _SIZE)) for n in (0, 1)]


def has_blanks(flash, offset):
    """Whether both places are blank, should neither hold a record."""
    return all(is_blank(flash.read(offset + n * SECTOR, _SIZE)) for n in (0, 1))


def write(flash, offset, n, entry):
    """Replace record n: an erase, then one write, as ESP-IDF does it."""
    flash.erase(offset + n * SECTOR)
    flash.program(offset + n * SECTOR, encode(entry))
