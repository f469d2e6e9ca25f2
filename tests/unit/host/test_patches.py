"""Patches as the host makes them: short, and within what a board takes whatever bsdiff finds."""

import io
import random
import struct

import bsdiff4
import pytest
from bsdiff4.format import write_patch

from host import patches
from tests.patching import BLOCK, PIECE, code, split, target_of

NOISE = random.Random(1).randbytes(100_000)


def found_by_bsdiff(monkeypatch, *found):
    """Let bsdiff find this: control, difference, new bytes."""
    control, diff, new = found
    file = io.BytesIO()
    numbers = b"".join(struct.pack("<qqq", *entry) for entry in control)
    write_patch(file, len(diff) + len(new), numbers, diff, new)
    monkeypatch.setattr(bsdiff4, "diff", lambda *_: file.getvalue())


def made(source, target):
    """The patch's pieces, tried."""
    pieces = split(patches.make(source, target), source, len(target))
    assert target_of(pieces, source, len(target)) == target
    return pieces


def test_a_small_change_makes_a_short_patch():
    source = code(1, 100_000)
    target = source[:40_000] + b"new" + source[40_000:]
    assert len(patches.make(source, target)) < 350


def test_bytes_that_all_changed_travel_as_new_ones(monkeypatch):
    target = bytes(PIECE)
    diff = bytes((t - s) & 255 for s, t in zip(NOISE, target, strict=False))
    found_by_bsdiff(monkeypatch, [(PIECE, 0, 0)], diff, b"")
    assert len(made(NOISE, target)[0]) < 200


def test_a_block_of_very_many_runs_travels_as_new_bytes(monkeypatch):
    spots = [0, *(random.Random(n).randrange(90_000) for n in range(2 * BLOCK // 8 - 1))]
    target = b"".join(NOISE[at : at + 8] for at in spots) + NOISE[:BLOCK]
    seeks = [b - a - 8 for a, b in zip(spots, [*spots[1:], 0], strict=True)]
    control = [(8, 0, -(2**63) - seek if seek < 0 else seek) for seek in seeks]
    found_by_bsdiff(monkeypatch, [*control, (BLOCK, 0, 0)], bytes(len(target)), b"")
    assert sum(map(len, made(NOISE, target))) < 2 * BLOCK + 100


@pytest.mark.parametrize("size", (1, BLOCK, PIECE, PIECE + 1, 100_000))
def test_noise_travels_hardly_longer_than_it_is(size):
    target = random.Random(2).randbytes(size)
    assert max(map(len, made(code(1, 5000), target))) <= PIECE + 256


@pytest.mark.parametrize(
    ("source", "target"), ((b"", b""), (b"", b"x"), (b"x", b""), (b"x", b"x"))
)
def test_the_smallest_images_have_patches_too(source, target):
    made(source, target)
