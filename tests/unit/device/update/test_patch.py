"""Patches on the board: whole images from them, a piece at a time, and every bad one refused."""

import hashlib
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from device.errors import Damaged
from device.update import patch
from host import patches
from tests import exploring
from tests.patching import (
    BLOCK,
    PIECE,
    Inflater,
    Source,
    block,
    code,
    deflated,
    number,
    pairs,
    split,
    target_of,
)

SOURCE = code(1, 50_000)
NAME = hashlib.sha256(SOURCE).digest()


@settings(max_examples=exploring.examples(60))
@given(pair=pairs())
def test_a_patch_makes_the_target_from_the_source(pair):
    source, target = pair
    pieces = split(patches.make(source, target), source, len(target))
    assert target_of(pieces, source, len(target)) == target


APPLY = """
import hashlib
from deflate import RAW, DeflateIO
from io import BytesIO
from device.errors import DeviceError
from device.update import patch

folder = given[0]
target_bytes = given[1]
first = given[2] if len(given) > 2 else 0
source = open(folder + "/source", "rb")
source_bytes = source.seek(0, 2)
source.seek(0)
name = hashlib.sha256(source.read()).digest()


def read_source(offset, view):
    source.seek(offset)
    assert source.readinto(view) == len(view)


def run():
    with open(folder + "/patch", "rb") as f, open(folder + "/made", "wb") as out:
        index = f.read(patch.index_bytes(target_bytes))
        lengths = patch.lengths(index, name, source_bytes, target_bytes)
        f.seek(sum(lengths[:first]), 1)
        made = patch.Patch(read_source, source_bytes, target_bytes, memoryview(bytearray(4096)))
        for n in range(first, len(lengths)):
            stream = BytesIO(f.read(lengths[n]))
            for block in made.blocks(DeflateIO(stream, RAW, 12), n * 8192):
                out.write(block)
            assert stream.tell() == lengths[n]


try:
    run()
    print("good")
except DeviceError as e:
    print(e.args[0], e.args[1])
"""


@pytest.fixture
def apply(on_board, tmp_path):
    """Apply a patch in MicroPython: what it said, and the bytes that it made."""

    def apply(content, source, target_bytes, first=0):
        (tmp_path / "source").write_bytes(source)
        (tmp_path / "patch").write_bytes(content)
        [said] = on_board(APPLY, str(tmp_path), target_bytes, first)
        return said, (tmp_path / "made").read_bytes()

    return apply


@settings(
    max_examples=exploring.examples(25),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(pair=pairs())
def test_it_does_so_in_micropython(apply, pair):
    source, target = pair
    said, made = apply(patches.make(source, target), source, len(target))
    assert (said, made == target) == ("good", True)


@pytest.mark.parametrize("first", range(4))
def test_a_patch_resumes_at_each_piece(apply, first):
    source = code(3, 100_000)
    target = source[:20_000] + code(4, 5000) + source[15_000:] + b"tail"
    content = patches.make(source, target)
    assert (
        target_of(split(content, source, len(target)), source, len(target), first)
        == (target[first * PIECE :])
    )
    assert apply(content, source, len(target), first) == ("good", target[first * PIECE :])


def test_an_unchanged_piece_is_copied_as_slices():
    source = Source(code(5, PIECE))
    made = patch.Patch(source.read, PIECE, PIECE, memoryview(bytearray(BLOCK)))
    [piece] = split(patches.make(source.content, source.content), source.content, PIECE)
    plain = block(number(BLOCK) + b"\0\0") * (PIECE // BLOCK)
    assert piece == deflated(plain)
    views = made.blocks(_inflater(plain), 0)
    assert (b"".join(bytes(v) for v in views), source.reads) == (source.content, PIECE // BLOCK)


ALL = number(BLOCK) + b"\0\0"  # control of a block that is the source's
# inflated piece → what is wrong with it. The target is one block.
BAD = {
    "a copy behind the source": (block(number(BLOCK) + number(2 * 45_905) + b"\0"), "source"),
    "a copy before the source": (block(number(BLOCK) + number(1) + b"\0"), "source"),
    "a seek that overflows": (block(number(BLOCK) + number(2**31) + b"\0"), "number"),
    "a seek of 64 bits": (block(number(BLOCK) + number(2**64 + 2) + b"\0"), "number"),
    "a number without end": (block(b"\xff" * 1024), "number"),
    "a nought without end": (block(b"\x80" * 1024), "number"),
    "a number that is cut": (block(number(BLOCK)[:1]), "number"),
    "a copy behind the block": (block(number(BLOCK + 1) + b"\0\0"), "number"),
    "new bytes behind the block": (block(b"\0" + number(BLOCK + 1), b"n" * 5000), "number"),
    "copy and new behind the block": (block(number(4000) + b"\0" + number(97)), "number"),
    "runs of nothing": (block(b"\0\0" * 512), "number"),
    "runs that do not fill the block": (block(number(4000) + b"\0\0"), "number"),
    "control behind the last run": (block(ALL + b"\0\0"), "control"),
    "no control": (block(), "number"),
    "control too long": (block(ALL + b"\0" * 1022), "block"),
    "a change behind the block": (block(ALL, changes=b"\xff\0" * 16 + b"\x10\1"), "change"),
    "more changes than bytes": (block(ALL, changes=b"\0\1" * (BLOCK + 1)), "block"),
    "changes that are missing": (block(ALL, count=7), "short"),
    "new bytes that are missing": (block(b"\0" + number(BLOCK), b"n" * 4095), "short"),
    "control that is missing": (block(ALL)[:5], "short"),
    "nothing": (b"", "short"),
    "a byte too much": (block(ALL) + b"\0", "long"),
    "a block too much": (block(ALL) * 2, "long"),
    "no end": (block(ALL) + bytes(3_000_000), "long"),
}


@pytest.mark.parametrize(("content", "what"), BAD.values(), ids=BAD)
def test_a_bad_piece_is_refused(content, what):
    assert _refusal(content) == ("bad-patch", what)


def test_bad_pieces_are_refused_in_micropython(apply):
    for name, (content, what) in BAD.items():
        piece = deflated(content)
        said, _ = apply(_patch(piece), SOURCE, BLOCK)
        assert (name, said) == (name, f"bad-patch {what}")


def test_the_good_piece_beside_the_bad_ones_is_taken():
    changes = b"\0\1" + b"\xff\0" * 16 + b"\x0f\2"
    made = patch.Patch(Source(SOURCE).read, 50_000, BLOCK, memoryview(bytearray(BLOCK)))
    [view] = made.blocks(_inflater(block(ALL, changes=changes)), 0)
    expected = bytearray(SOURCE[:BLOCK])
    expected[0] = (expected[0] + 1) & 255
    expected[4095] = (expected[4095] + 2) & 255
    assert bytes(view) == bytes(expected)


BAD_STREAMS = {
    "garbage": b"\xff" * 60,
    "cut": deflated(block(ALL))[:-2],
    "empty": b"",
    "cut in new bytes": deflated(block(b"\0" + number(BLOCK), code(9, BLOCK)))[:-200],
}


@pytest.mark.parametrize("piece", BAD_STREAMS.values(), ids=BAD_STREAMS)
def test_a_piece_that_does_not_inflate_is_refused(apply, piece):
    said, _ = apply(_patch(piece), SOURCE, BLOCK)
    assert said.startswith("bad-patch ")


GOOD = struct.pack("<4sIII32sI", b"MPD1", 1000, 1, 50_000, NAME, 77)
BAD_INDEX = {
    "another magic": b"MPZ1" + GOOD[4:],
    "another target": GOOD[:4] + b"\1" + GOOD[5:],
    "another count": GOOD[:8] + b"\2" + GOOD[9:],
    "a piece too many": GOOD[:8] + b"\2" + GOOD[9:] + b"\0\0\0\0",
    "another size of source": GOOD[:12] + b"\1" + GOOD[13:],
    "another source": GOOD[:16] + b"\1" + GOOD[17:],
    "a piece too long": GOOD[:48] + struct.pack("<I", PIECE + 257),
    "shorter": GOOD[:-1],
    "shorter than its head": GOOD[:40],
    "longer": GOOD + b"\0\0\0\0",
    "nothing": b"",
}


@pytest.mark.parametrize("index", BAD_INDEX.values(), ids=BAD_INDEX)
def test_a_bad_index_is_refused(index):
    assert patch.lengths(GOOD, NAME, 50_000, 1000) == (77,)
    with pytest.raises(Damaged) as refused:
        patch.lengths(index, NAME, 50_000, 1000)
    assert refused.value.code == "bad-patch"


@settings(max_examples=exploring.examples(200))
@given(content=st.binary(max_size=200), at=st.integers(0, 400), good=st.booleans())
def test_garbage_is_refused_or_makes_a_block_and_no_more(content, at, good):
    whole = block(b"\x40\x02\x20" + number(2048) + b"\x41\x01" + number(4096 - 2048 - 0x82))
    whole = whole[:at] + content + whole[at + len(content) :] if good else content
    made = patch.Patch(Source(SOURCE).read, 50_000, BLOCK, memoryview(bytearray(BLOCK)))
    try:
        views = [len(view) for view in made.blocks(_inflater(whole), 0)]
    except Damaged as e:
        views = [BLOCK] if e.code == "bad-patch" else []
    assert views == [BLOCK]


HEAP = (
    APPLY.split("try:\n")[0]
    + """
import gc

content = open(folder + "/patch", "rb").read()
index = content[: patch.index_bytes(target_bytes)]
lengths = patch.lengths(index, name, source_bytes, target_bytes)
at = len(content) - sum(lengths)
pieces = []
for length in lengths:
    pieces.append(content[at : at + length])
    at += length
del content
gc.collect()
before = gc.mem_alloc()
made = patch.Patch(read_source, source_bytes, target_bytes, memoryview(bytearray(4096)))
peak = 0


def apply(n):  # in a frame of its own: one that looped goes on holding what it looped over
    global peak
    for block in made.blocks(DeflateIO(BytesIO(pieces[n]), RAW, 12), n * 8192):
        gc.collect()
        peak = max(peak, gc.mem_alloc() - before)


for n in range(len(pieces)):
    apply(n)
    gc.collect()
print(peak)
"""
)


def test_a_patch_needs_little_heap(on_board, tmp_path):
    source = code(6, 90_000)
    target = bytearray(source[:30_000] + code(7, 9000) + source[28_000:])
    for i in range(0, len(target), 37):
        target[i] = (target[i] + 5) & 255
    (tmp_path / "source").write_bytes(source)
    (tmp_path / "patch").write_bytes(patches.make(source, bytes(target)))
    [peak] = on_board(HEAP, str(tmp_path), len(target))
    assert int(peak) <= 12_000  # objects are twice as large here as on a board


def _inflater(content):
    return Inflater(deflated(content))


def _patch(piece):
    """A patch of one piece to a target of one block."""
    return struct.pack("<4sIII32sI", b"MPD1", BLOCK, 1, len(SOURCE), NAME, len(piece)) + piece


def _refusal(content):
    made = patch.Patch(Source(SOURCE).read, 50_000, BLOCK, memoryview(bytearray(BLOCK)))
    with pytest.raises(Damaged) as refused:
        for _ in made.blocks(_inflater(content), 0):
            pass
    return refused.value.args[:2]
