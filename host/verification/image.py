"""ESP32 firmware images: whose they are, and whether a bootloader would start them. Pure."""

import hashlib
import struct
from typing import NamedTuple

CHIPS = {
    0: "ESP32",
    2: "ESP32-S2",
    5: "ESP32-C3",
    9: "ESP32-S3",
    12: "ESP32-C2",
    13: "ESP32-C6",
    16: "ESP32-H2",
    18: "ESP32-P4",
}
# Of the models that MicroPython builds for a whole family; others say nothing of their chip.
_MODEL_CHIPS = {
    "ESP32_GENERIC": 0,
    "ESP32_GENERIC_S2": 2,
    "ESP32_GENERIC_C3": 5,
    "ESP32_GENERIC_S3": 9,
    "ESP32_GENERIC_C2": 12,
    "ESP32_GENERIC_C6": 13,
    "ESP32_GENERIC_H2": 16,
    "ESP32_GENERIC_P4": 18,
}
ELF_OFFSET, ELF_BYTES = 176, 16  # how boards tell images apart (SPEC section 5)
BYTES_MAX = 4 * 1024 * 1024
_MAGIC = 0xE9
_HEADER = 24
_CHIP_OFFSET = 12
_HASH_OFFSET = 23
_DESCRIPTOR_MAGIC = 0xABCD5432
_DESCRIPTOR = 32  # offset
_HASH_BYTES = 32
_CHECKSUM_SEED = 0xEF
_SEGMENTS_MAX = 16


class ImageError(Exception):
    """No image that could be updated to: a word, and what is wrong with it as the text."""

    def __init__(self, code, detail):
        super().__init__(code, detail)
        self.code, self.detail = code, detail

    def __str__(self):
        return self.detail


class Image(NamedTuple):
    """What an image says of itself."""

    chip: int
    project: str
    version: str
    elf: str  # 32 hex digits


def read(content, model=None):
    """The image in these bytes, no more and no fewer; for a board model, where one is named.

    Raises: ImageError `bad-image`, `wrong-chip`.
    """
    if len(content) > BYTES_MAX:
        raise ImageError("bad-image", f"it has {len(content)} bytes of at most {BYTES_MAX}")
    if content[:1] != bytes([_MAGIC]):
        raise ImageError("bad-image", f"it does not begin with {_MAGIC:#x}, as an image does")
    if len(content) < _HEADER:
        raise _short(_HEADER, content)
    chip = struct.unpack_from("<H", content, _CHIP_OFFSET)[0]
    wanted = _MODEL_CHIPS.get(model, chip)
    if chip != wanted:
        detail = f"it is for an {_name(chip)}, the board is an {_name(wanted)}"
        raise ImageError("wrong-chip", detail)
    _check_end(content)
    return _describe(content, chip)


def _check_end(content):
    at, checksum = _walk(content)
    at += 16 - at % 16  # padded, the checksum its last byte
    end = at + _HASH_BYTES
    checks = (
        (content[_HASH_OFFSET] == 1, "no hash follows its checksum"),
        (end <= len(content), f"it is cut short: {len(content)} bytes of {end}"),
        (content[at - 1 : at] == bytes([checksum]), "its checksum is wrong"),
        (hashlib.sha256(content[:at]).digest() == content[at:end], "the hash at its end is wrong"),
        (
            end == len(content),
            f"{len(content) - end} bytes follow its end; is it a whole flash image?",
        ),
    )
    for is_right, detail in checks:
        if not is_right:
            raise ImageError("bad-image", detail)


def _walk(content):
    """Where the segments end, and the checksum over them."""
    checksum, at = _CHECKSUM_SEED, _HEADER
    if not 0 < content[1] <= _SEGMENTS_MAX:
        raise ImageError("bad-image", f"its header counts {content[1]} segments")
    for _ in range(content[1]):
        if at + 8 > len(content):
            raise _short(at + 8, content)
        size = struct.unpack_from("<I", content, at + 4)[0]
        at += 8 + size
        if at > len(content):
            raise _short(at, content)
        checksum ^= _xor(content[at - size : at])
    return at, checksum


def _describe(content, chip):
    if struct.unpack_from("<I", content, _DESCRIPTOR)[0] != _DESCRIPTOR_MAGIC:
        raise ImageError("bad-image", "it has no application descriptor: is it a bootloader?")
    version, project = struct.unpack_from("32s32s", content, _DESCRIPTOR + 16)
    elf = content[ELF_OFFSET : ELF_OFFSET + ELF_BYTES]
    if not any(elf):
        raise ImageError("bad-image", "its ELF hash is missing: boards know images by it")
    return Image(chip, _text(project), _text(version), elf.hex())


def _short(end, content):
    return ImageError("bad-image", f"it is cut short: {len(content)} bytes of {end} or more")


def _name(chip):
    return CHIPS.get(chip, f"chip {chip}")


def _text(raw):
    return raw.split(b"\0")[0].decode("utf-8", "replace")


def _xor(segment):
    folded = 0
    for (word,) in struct.iter_unpack("<Q", segment + bytes(-len(segment) % 8)):
        folded ^= word
    value = 0
    for byte in folded.to_bytes(8, "little"):
        value ^= byte
    return value
