"""Firmware files: which chip they are for, what they hold, whether they will do. Pure."""

import struct
from typing import NamedTuple

from host.deploy import layout
from host.deploy.errors import DeployError
from host.deploy.layout import MB, SECTOR, TABLE_BYTES, TABLE_OFFSET, Layout, Segment
from host.verification import image

_MAGIC = 0xE9
_HEADER_BYTES = 24
_BOOTLOADERS = {0: 0x1000, 2: 0x1000, 18: 0x2000}  # where the ROM looks for one, by chip; else 0
_DESCRIPTOR_OFFSET, _DESCRIPTOR = 32, struct.pack("<I", 0xABCD5432)
_DOWNLOAD = "download one for this board from https://micropython.org/download/"
_OTA_APP_BYTES = 0x180000  # of a slot in the layout for 4 MB


class Chip(NamedTuple):
    """What the loader in a chip's ROM says of it."""

    name: str
    number: int  # as in the header of its images
    flash_bytes: int
    layout: Layout
    is_encrypted: bool = False
    is_locked: bool = False  # secure boot, or a loader that only takes signed code


class Binary(NamedTuple):
    """A firmware file: a whole image with its partition table, or an app alone."""

    chip: int
    content: bytes
    flash_bytes: int
    layout: Layout  # empty: an app alone
    app: bytes
    version: str

    @property
    def offset(self) -> int:
        """Where a whole image begins in flash."""
        return _BOOTLOADERS.get(self.chip, 0)


def read(content: bytes) -> Binary:
    """What a file holds, by its contents.

    Raises:
        DeployError: `bad-image`.
    """
    if content[:1] != bytes([_MAGIC]) or len(content) < _HEADER_BYTES:
        raise _bad("it does not begin as an ESP32's firmware does (is it a .uf2 or .hex?)")
    chip = struct.unpack_from("<H", content, 12)[0]
    flash_bytes = MB << (content[3] >> 4)
    if content[_DESCRIPTOR_OFFSET : _DESCRIPTOR_OFFSET + 4] == _DESCRIPTOR:
        return _binary(chip, content, flash_bytes, Layout(), content)
    at = TABLE_OFFSET - _BOOTLOADERS.get(chip, 0)
    table = layout.parse(content[at : at + TABLE_BYTES])
    if not table.apps:
        raise _bad(
            "it has neither a partition table nor an application"
            if len(content) >= at + TABLE_BYTES
            else f"it is cut short: {len(content)} bytes"
        )
    start = table.apps[0].offset - _BOOTLOADERS.get(chip, 0)
    return _binary(chip, content, flash_bytes, table, content[start:])


def _binary(chip: int, content: bytes, flash_bytes: int, table: Layout, app: bytes) -> Binary:
    app = app.rstrip(b"\xff")
    app += b"\xff" * (-len(app) % 16)  # an image ends so; its hash may end in such bytes
    try:
        described = image.read(app)
    except image.ImageError as error:
        raise _bad(str(error)) from error
    return Binary(chip, content, flash_bytes, table, app, described.version)


def reason_against(binary: Binary, chip: Chip) -> DeployError | None:
    """Why this file must not be flashed to this chip, or None."""
    named = image.CHIPS.get(binary.chip, f"chip {binary.chip}")
    room = min((p.size for p in chip.layout.apps), default=0)
    checks = (
        (chip.is_encrypted, "encrypted-flash", "the board's flash is encrypted: it starts "
         "nothing that was not encrypted with its own key", "use another board"),
        (chip.is_locked, "secure-boot", "the board starts signed firmware only",
         "use another board"),
        (binary.chip != chip.number, "wrong-chip",
         f"the file is for an {named}, the board is an {chip.name}", _DOWNLOAD),
        (layout.is_too_small(chip.flash_bytes), *layout.too_small(chip.flash_bytes)),
        (binary.layout and binary.flash_bytes > chip.flash_bytes, "small-flash",
         f"the file is for {binary.flash_bytes // MB} MB of flash, the board has "
         f"{chip.flash_bytes // MB} MB", _DOWNLOAD),
        (not binary.layout and not chip.layout.is_ota, "app-only",
         "the file is an app alone, and the board has no two partitions to put one into",
         "give a whole firmware file (its name ends in .bin, not .app-bin)"),
        (not binary.layout and len(binary.app) > room, "too-large",
         f"the app has {len(binary.app)} bytes, the board's partition {room}", _DOWNLOAD),
    )  # fmt: skip
    found = next((what for applies, *what in checks if applies), None)
    return DeployError(*found) if found else None


def placed(binary: Binary, chip: Chip) -> Binary:
    """With the file system that its firmware makes itself on this chip."""
    if not binary.layout:
        return binary
    return binary._replace(layout=layout.with_files(binary.layout, chip.flash_bytes))


def segments(binary: Binary, chip: Chip, nvs_tail: bytes = b"") -> list[Segment]:
    """What is written where: never over an identity or files that can stay."""
    if not binary.layout:
        return [(chip.layout.apps[0].offset, binary.app), *_first_slot(chip.layout)]
    at = TABLE_OFFSET - binary.offset
    written = [
        (binary.offset, binary.content[:at].rstrip(b"\xff")),
        (TABLE_OFFSET, binary.content[at : at + SECTOR]),
        (binary.layout.apps[0].offset, binary.app),
    ]
    return sorted(written + layout.blanks(chip.layout, binary.layout, nvs_tail))


def _first_slot(there: Layout) -> list[Segment]:
    return [(there.otadata.offset, b"\xff" * there.otadata.size)] if there.otadata else []


def fits_ota(binary: Binary) -> bool:
    """Whether its app fits a slot of the smallest layout with two."""
    return binary.flash_bytes > layout.SMALLEST_FLASH or len(binary.app) <= _OTA_APP_BYTES


def _bad(detail: str) -> DeployError:
    return DeployError("bad-image", f"this is no firmware: {detail}", _DOWNLOAD)
