"""ESP32 firmware images: a header, segments, a checksum and a hash, with the application
descriptor in the first segment. What a virtual chip does when it runs one is said in the second.
"""

import hashlib
import struct
from typing import NamedTuple

MAGIC = 0xE9
_CHECKSUM_SEED = 0xEF
_HEADER = struct.Struct("<BBBBI B3s HB HH 4s B".replace(" ", ""))
_SEGMENT = struct.Struct("<II")
_DESCRIPTOR = struct.Struct("<II8s32s32s16s16s32s32s32sB3s72s".replace(" ", ""))
_DESCRIPTOR_MAGIC = 0xABCD5432
_DROM, _IRAM = 0x3F400020, 0x40080000  # where an ESP32 maps constants and fast code
_CHIP_ESP32 = 0
_MARK = b"virtual\0"  # before the behaviour, where an ESP32 has code
# What a firmware of a virtual board does, where it is not a good one.
PANIC = "panic"  # at boot, before boot.py
NO_WIFI = "no-wifi"  # hears no access point
HANG = "hang"  # after boot.py
BEHAVIOURS = ("", PANIC, NO_WIFI, HANG)


class ImageError(ValueError):
    """These bytes are no image that a bootloader would start."""


class Image(NamedTuple):
    """What an image says of itself."""

    version: str
    project: str
    elf_sha256: bytes
    size: int
    behaviour: str


def build(version="v1.26.0", project="micropython", payload=b"", date="2026-01-01", behaviour=""):
    """A valid image that carries `payload`; there is no machine code in it, for the chip is a
    MicroPython process. `behaviour` is one of those above.
    """
    if behaviour not in BEHAVIOURS:
        raise ValueError(f"behaviour {behaviour!r}: expected one of {BEHAVIOURS}")
    code = _padded(_MARK + behaviour.encode() if behaviour else b"", 16) or b"\0" * 16
    named = (project.encode(), version.encode(), payload, behaviour.encode())
    elf_sha256 = hashlib.sha256(b"\0".join(named)).digest()
    descriptor = _DESCRIPTOR.pack(
        *(_DESCRIPTOR_MAGIC, 0, b"", version.encode(), project.encode()),
        *(b"00:00:00", date.encode(), b"v5.4.2", elf_sha256, b"", 0, b"", b""),
    )
    return assemble([(_DROM, _padded(descriptor + payload, 16)), (_IRAM, code)])


def assemble(segments):
    """The image of (address, bytes) segments, as the ROM wants one of a bootloader, too."""
    body = _HEADER.pack(
        MAGIC, len(segments), 2, 0x20, _IRAM, 0xEE, b"", _CHIP_ESP32, 0, 0, 0xFFFF, b"", 1
    )
    for address, data in segments:
        body += _SEGMENT.pack(address, len(data)) + data
    body += b"\0" * (15 - len(body) % 16) + bytes([_checksum(segments)])
    return body + hashlib.sha256(body).digest()


def parse(raw):
    """Check the image at the start of `raw` as the bootloader does (more may follow) and return
    what it says.

    Raises: ImageError.
    """
    if len(raw) < _HEADER.size or raw[0] != MAGIC:
        raise ImageError("no image header")
    fields = _HEADER.unpack_from(raw)
    if fields[7] != _CHIP_ESP32:
        raise ImageError(f"made for chip {fields[7]}, not for the ESP32")
    segments, end = _read_segments(raw, fields[1])
    end += 16 - end % 16
    if end + 32 > len(raw):
        raise ImageError("the image is cut short")
    if raw[end - 1] != _checksum(segments):
        raise ImageError("wrong checksum")
    if hashlib.sha256(raw[:end]).digest() != raw[end : end + 32]:
        raise ImageError("wrong hash")
    return _describe(segments[0][1], end + 32, segments[-1][1])


def _read_segments(raw, count):
    segments, at = [], _HEADER.size
    for _ in range(count):
        if at + _SEGMENT.size > len(raw):
            raise ImageError("the image is cut short")
        address, size = _SEGMENT.unpack_from(raw, at)
        at += _SEGMENT.size
        segments.append((address, raw[at : at + size]))
        at += size
        if at > len(raw):
            raise ImageError("the image is cut short")
    if not segments:
        raise ImageError("no segments")
    return segments, at


def _describe(first, size, last):
    if len(first) < _DESCRIPTOR.size or first[:4] != struct.pack("<I", _DESCRIPTOR_MAGIC):
        raise ImageError("no application descriptor")
    fields = _DESCRIPTOR.unpack_from(first)
    behaviour = _text(last.removeprefix(_MARK)) if last.startswith(_MARK) else ""
    return Image(_text(fields[3]), _text(fields[4]), fields[8], size, behaviour)


def _text(raw):
    return raw.rstrip(b"\0").decode("utf-8", "replace")


def _checksum(segments):
    value = _CHECKSUM_SEED
    for _, data in segments:
        # XOR of all bytes, taken in words of eight to be quick on images of a megabyte.
        whole = _padded(data, 8)
        folded = 0
        for (word,) in struct.iter_unpack("<Q", whole):
            folded ^= word
        for byte in folded.to_bytes(8, "little"):
            value ^= byte
    return value


def _padded(data, unit):
    return data + b"\0" * (-len(data) % unit)
