"""A target image from a patch: bytes of the source image, moved and changed (SPEC section 12).

It knows no partition, file or network: the source is read by a function, the target is yielded.
"""

import struct
from binascii import hexlify

from device.errors import Damaged
from device.protocol import (
    PATCH,
    PATCH_BLOCK_BYTES,
    PATCH_CONTROL_MAX,
    PATCH_MAGIC,
    PATCH_SLACK,
    PIECE_BYTES,
)

_HEAD = "<4sIII32s"  # magic, target bytes, pieces, source bytes, source SHA-256
HEAD_BYTES = 48


def index_bytes(target_bytes):
    """How long the index of a patch to so many bytes is: what travels before the first piece."""
    return HEAD_BYTES + 4 * -(-target_bytes // PIECE_BYTES)


def lengths(index, source_sha256, source_bytes, target_bytes):
    """Length of each piece as it travels.

    Raises:
        Damaged: the index is none, or of another source or target than these.
    """
    count = (len(index) - HEAD_BYTES) // 4
    found = struct.unpack_from(_HEAD, index) if len(index) >= HEAD_BYTES else ()
    if len(index) != index_bytes(target_bytes) or found != (
        PATCH_MAGIC, target_bytes, count, source_bytes, source_sha256
    ):  # fmt: skip
        raise Damaged("bad-patch", "index", found[1:4], (target_bytes, count, source_bytes))
    all_lengths = struct.unpack_from("<%dI" % count, index, HEAD_BYTES)
    if count and max(all_lengths) > PIECE_BYTES + PATCH_SLACK:
        raise Damaged("bad-patch", "length", max(all_lengths))
    return all_lengths


class Form:
    """The form of a download as a patch: from `source`, whose SHA-256 is `name`."""

    code = "bad-patch"

    def __init__(self, source, name, size, view):
        self._sizes = name, source.size, size
        self.accept = "%s;from=%s" % (PATCH, hexlify(name).decode())
        self.index_bytes = index_bytes(size)
        self.blocks = Patch(source.read, source.size, size, view).blocks

    def lengths(self, index):
        """Length of each piece as it travels. Raises Damaged."""
        return lengths(index, *self._sizes)


class Patch:
    """What the pieces of one patch share: the source, the sizes, and the buffers, made once.

    `read_source(offset, view)` fills `view`, whole, from the source. `view` of 4 KiB is where the
    target is made, block by block; it may serve others between two pieces.
    """

    def __init__(self, read_source, source_bytes, target_bytes, view):
        self._read_source = read_source
        self._source_bytes = source_bytes
        self._target_bytes = target_bytes
        self._view = view
        self._words = memoryview(bytearray(PATCH_CONTROL_MAX))

    def blocks(self, inflater, done):
        """Yield the target's bytes of the piece that begins at `done`, as views in order.

        `inflater` inflates the piece. A view is good until the next one is asked for; each takes
        a bounded time to make, so that an event loop can turn in between.

        Raises:
            Damaged: the piece is not what section 12 says; what it yielded is worth nothing.
        """
        place = done
        left = min(PIECE_BYTES, self._target_bytes - done)
        while left:
            block = self._view[: min(left, PATCH_BLOCK_BYTES)]
            place = self._make(inflater, block, place)
            yield block
            left -= len(block)
        if _read(inflater, self._words[:1]):  # this, too, reads the stream's end mark
            raise Damaged("bad-patch", "long")

    def _make(self, inflater, block, place):
        """Fill one block; the place in the source behind its last copy."""
        words = self._words
        _fill(inflater, words[:4])
        size, changes = struct.unpack_from("<HH", words)
        if size > PATCH_CONTROL_MAX or changes > len(block):
            raise Damaged("bad-patch", "block", size, changes)
        control = words[:size]
        _fill(inflater, control)
        place = self._move(inflater, block, control, place)
        at = 0
        while changes:  # the words of control are used up: their buffer takes the changes
            n = min(changes, PATCH_CONTROL_MAX // 2)
            pairs = words[: 2 * n]
            _fill(inflater, pairs)
            at = _change(block, pairs, at)
            changes -= n
        return place

    def _move(self, inflater, block, control, place):
        """Runs of the source and new bytes in turn, each as one slice, until the block is full."""
        at = i = 0
        left = len(block)
        while left:
            copy, i = _number(control, i, left)
            if copy:
                seek, i = _number(control, i, 2 * (self._source_bytes + self._target_bytes))
                place += seek >> 1 ^ -(seek & 1)
                if not 0 <= place <= self._source_bytes - copy:
                    raise Damaged("bad-patch", "source", place, copy)
                self._read_source(place, block[at : at + copy])
                place += copy
            at += copy
            new, i = _number(control, i, left - copy)
            if new:
                _fill(inflater, block[at : at + new])
                at += new
            left -= copy + new
        if i != len(control):
            raise Damaged("bad-patch", "control", i, len(control))
        return place


def _number(control, i, most):
    """An integer of at most `most`, seven bits a byte, lowest first; and where the next one is."""
    value = shift = 0
    while i < len(control) and value <= most:  # so a number that does not end stays small, too
        byte = control[i]
        i += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128 and value <= most:
            return value, i
    raise Damaged("bad-patch", "number", value, most)


def _change(block, pairs, at):
    """Add to single bytes: each pair goes so far ahead, and adds so much."""
    try:
        for k in range(0, len(pairs), 2):
            at += pairs[k]
            block[at] = (block[at] + pairs[k + 1]) & 255
    except IndexError:
        raise Damaged("bad-patch", "change", at, len(block))
    return at


def _fill(inflater, view):
    n = _read(inflater, view)
    if n != len(view):
        raise Damaged("bad-patch", "short", n, len(view))


def _read(inflater, view):
    try:
        return inflater.readinto(view)
    except (OSError, EOFError) as e:  # what inflaters say of garbage, and of a stream cut short
        raise Damaged("bad-patch", repr(e))
