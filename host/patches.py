"""Patches: how one image is made from another (SPEC section 12), where that travels shorter.

The matching is bsdiff's; what it found is cut into blocks and pieces that a board can take one
by one.
"""

import hashlib
import io
import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

import bsdiff4
from bsdiff4.format import read_patch

from device import protocol
from host.storage import deflated

_BLOCK = protocol.PATCH_BLOCK_BYTES
_SKIP_MAX = 255  # a change says in one byte how far ahead it is
_MAGNITUDE = 2**63 - 1  # bsdiff writes the sign as a bit of its own above it
_CHANGED = re.compile(rb"[^\0]")


class Run(NamedTuple):
    """Bytes of the target: a stretch of the source with `diff` added to it, then new ones."""

    place: int
    diff: memoryview
    new: memoryview

    def __len__(self) -> int:
        return len(self.diff) + len(self.new)


def make(source: bytes, target: bytes) -> bytes:
    """A patch that makes the target from the source."""
    blocks = list(_blocks(_runs(source, target)))
    size = protocol.PIECE_BYTES
    per_piece = size // _BLOCK
    pieces = [
        _piece(blocks[n : n + per_piece], n * _BLOCK, target[n * _BLOCK : n * _BLOCK + size])
        for n in range(0, len(blocks), per_piece)
    ]
    sizes = (len(target), len(pieces), len(source))
    name = hashlib.sha256(source).digest()
    head = struct.pack("<4sIII32s", protocol.PATCH_MAGIC, *sizes, name)
    return b"".join((head, struct.pack(f"<{len(pieces)}I", *map(len, pieces)), *pieces))


def _runs(source: bytes, target: bytes) -> Iterator[Run]:
    """What bsdiff finds, front to back."""
    found = io.BytesIO(bsdiff4.diff(source, target))
    _, control, *streams = read_patch(found)
    diff, new = map(memoryview, streams)
    place = diff_at = new_at = 0
    for copy, extra, seek in struct.iter_unpack("<QQQ", control):
        yield Run(place, diff[diff_at : diff_at + copy], new[new_at : new_at + extra])
        diff_at += copy
        new_at += extra
        place += copy + (-(seek & _MAGNITUDE) if seek > _MAGNITUDE else seek)


def _blocks(runs: Iterator[Run]) -> Iterator[list[Run]]:
    """The runs of each block of the target: what crosses a border is cut there."""
    block: list[Run] = []
    room = _BLOCK
    for run in runs:
        rest = run
        while len(rest):
            head, rest = _cut(rest, room)
            block.append(head)
            room -= len(head)
            if not room:
                yield block
                block, room = [], _BLOCK
    if block:
        yield block


def _cut(run: Run, size: int) -> tuple[Run, Run]:
    """A run's first `size` bytes, and the rest."""
    copy, new = run.diff[:size], run.new[: max(0, size - len(run.diff))]
    rest = Run(run.place + len(copy), run.diff[len(copy) :], run.new[len(new) :])
    return Run(run.place, copy, new), rest


def _piece(blocks: list[list[Run]], place: int, target: bytes) -> bytes:
    """A piece as it travels: from the source, or all new where that is no longer."""
    moved = []
    for n, runs in enumerate(blocks):
        block, next_place = _encode(runs, place)
        if block is None:
            block, next_place = _plain(target[n * _BLOCK : (n + 1) * _BLOCK]), place
        moved.append(block)
        place = next_place
    plain = [_plain(target[at : at + _BLOCK]) for at in range(0, len(target), _BLOCK)]
    return min(deflated(b"".join(moved)), deflated(b"".join(plain)), key=len)


def _plain(new: bytes) -> bytes:
    control = _number(0) + _number(len(new))
    return struct.pack("<HH", len(control), 0) + control + new


def _encode(runs: list[Run], place: int) -> tuple[bytes | None, int]:
    """A block, or None where it has too many runs for a board; the place behind its last copy."""
    control = bytearray()
    for run in runs:
        control += _number(len(run.diff))
        if run.diff:
            seek = run.place - place
            control += _number(2 * seek if seek >= 0 else -2 * seek - 1)
            place = run.place + len(run.diff)
        control += _number(len(run.new))
    if len(control) > protocol.PATCH_CONTROL_MAX:
        return None, place
    changes = _changes(b"".join(part for run in runs for part in (run.diff, bytes(len(run.new)))))
    head = struct.pack("<HH", len(control), len(changes) // 2)
    return head + control + b"".join(run.new for run in runs) + changes, place


def _changes(diff: bytes) -> bytes:
    """Pairs: how far ahead the next changed byte is, and what to add to it."""
    pairs = bytearray()
    at = 0
    for found in _CHANGED.finditer(diff):
        skip = found.start() - at
        while skip > _SKIP_MAX:
            pairs += bytes((_SKIP_MAX, 0))
            skip -= _SKIP_MAX
        pairs += bytes((skip, diff[found.start()]))
        at = found.start()
    return bytes(pairs)


def _number(value: int) -> bytes:
    """An integer, seven bits a byte, lowest first."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
