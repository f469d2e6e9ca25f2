"""Images that are alike, an inflater for CPython, and patches written by hand."""

import hashlib
import random
import struct
import zlib

from hypothesis import strategies as st

from device.update import patch

PIECE = 8192
BLOCK = 4096


class Inflater:
    """What MicroPython's DeflateIO is to a piece."""

    def __init__(self, content):
        self._inflate = zlib.decompressobj(-12)
        self._rest = content

    def readinto(self, view):
        """Fill the view as far as the stream reaches."""
        done = 0
        while done < len(view):
            try:
                part = self._inflate.decompress(self._rest, len(view) - done)
            except zlib.error as e:
                raise OSError(22) from e
            self._rest = self._inflate.unconsumed_tail
            if not part:
                break
            view[done : done + len(part)] = part
            done += len(part)
        return done


class Source:
    """An image that may be read where it is, and nowhere else."""

    def __init__(self, content):
        self.content = content
        self.reads = 0

    def read(self, offset, view):
        """Fill the view from an offset."""
        assert 0 <= offset <= offset + len(view) <= len(self.content)
        self.reads += 1
        view[:] = self.content[offset : offset + len(view)]


def split(content, source, target_bytes):
    """The pieces of a patch, by the board's own reading of the index."""
    at = patch.index_bytes(target_bytes)
    name = hashlib.sha256(source).digest()
    pieces = []
    for length in patch.lengths(content[:at], name, len(source), target_bytes):
        pieces.append(content[at : at + length])
        at += length
    assert at == len(content)
    return pieces


def target_of(pieces, source, target_bytes, first=0):
    """What the pieces from the `first` one on make."""
    made = patch.Patch(
        Source(source).read, len(source), target_bytes, memoryview(bytearray(BLOCK))
    )
    out = bytearray()
    for n in range(first, len(pieces)):
        for view in made.blocks(Inflater(pieces[n]), n * PIECE):
            out += view
    return bytes(out)


def deflated(content):
    """A piece as it travels."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -12)
    return deflater.compress(content) + deflater.flush()


def number(value):
    """An integer of the control."""
    out = b""
    while value > 127:
        out += bytes((value & 127 | 128,))
        value >>= 7
    return out + bytes((value,))


def block(control=b"", new=b"", changes=b"", count=None):
    """A block of a piece."""
    count = len(changes) // 2 if count is None else count
    return struct.pack("<HH", len(control), count) + control + new + changes


def code(seed, size):
    """Bytes that repeat as machine code does."""
    rng = random.Random(seed)
    words = [rng.randbytes(rng.choice((2, 3, 3, 4))) for _ in range(600)]
    out = bytearray()
    while len(out) < size:
        out += rng.choice(words)
    return bytes(out[:size])


@st.composite
def pairs(draw):
    """A source and a target that came from it by edits as a build makes them."""
    source = code(draw(st.integers(0, 50)), draw(st.integers(0, 70_000)))
    target = bytearray(source)
    for _ in range(draw(st.integers(0, 8))):
        at = draw(st.integers(0, len(target)))
        n = draw(st.integers(0, 9000))
        other = draw(st.integers(0, len(source)))
        match draw(st.sampled_from(("insert", "drop", "move", "touch", "shift"))):
            case "insert":
                target[at:at] = random.Random(n).randbytes(n)
            case "drop":
                del target[at : at + n]
            case "move":
                target[at:at] = source[other : other + n]
            case "touch":
                target[at : at + 1] = draw(st.binary(min_size=1, max_size=3))
            case "shift":  # addresses that all moved by the same
                for i in range(at, min(at + n, len(target)), draw(st.integers(1, 300))):
                    target[i] = (target[i] + 16) & 255
    return source, bytes(target)
