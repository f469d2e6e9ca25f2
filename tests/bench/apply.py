"""Runs in MicroPython: how long an image takes to make, three ways, and what heap it needs.

Its folder holds `source`, `target`, `target.pieces` (SPEC section 6) and `patch` (section 12).
"""

# It runs in MicroPython:
# ruff: noqa: E402, SIM115, UP031

import gc
import json
import struct
import sys
import time
from hashlib import sha256
from io import BytesIO

from deflate import RAW, DeflateIO

folder = sys.argv[1]
sys.path.insert(0, sys.argv[2])
from device.update import patch  # found through the line before

TIMES = 5
view = memoryview(bytearray(4096))
source = open(folder + "/source", "rb")
source_bytes = source.seek(0, 2)
with open(folder + "/target", "rb") as whole:
    expected = sha256(whole.read()).digest()
    target_bytes = whole.seek(0, 2)
with open(folder + "/source", "rb") as whole:
    name = sha256(whole.read()).digest()


def read_source(offset, into):
    """What a partition's readblocks does."""
    source.seek(offset)
    source.readinto(into)


def floor(out, digest):
    """Read the source, hash, write: nothing an update could leave out."""
    for at in range(0, target_bytes, 4096):
        block = view[: min(4096, target_bytes - at)]
        read_source(min(at, source_bytes - 4096), block)
        digest.update(block)
        out.write(block)
        yield


def from_patch(out, digest):
    """Piece by piece as they would come."""
    with open(folder + "/patch", "rb") as f:
        index = f.read(patch.index_bytes(target_bytes))
        lengths = patch.lengths(index, name, source_bytes, target_bytes)
        made = patch.Patch(read_source, source_bytes, target_bytes, view)
        for n in range(len(lengths)):
            inflater = DeflateIO(BytesIO(f.read(lengths[n])), RAW, 12)
            for block in made.blocks(inflater, n * 8192):
                digest.update(block)
                out.write(block)
                yield


def from_pieces(out, digest):
    """The full image, inflated."""
    with open(folder + "/target.pieces", "rb") as f:
        count = struct.unpack("<4sII", f.read(12))[2]
        lengths = struct.unpack("<%dI" % count, f.read(4 * count))
        for length in lengths:
            inflater = DeflateIO(BytesIO(f.read(length)), RAW, 12)
            while True:
                n = inflater.readinto(view)
                if not n:
                    break
                digest.update(view[:n])
                out.write(view[:n])
                yield


def run(way, measure=None):
    """Milliseconds of one way; and whether the hash is the target's."""
    gc.collect()
    start = time.ticks_us()
    digest = sha256()
    with open(folder + "/made", "wb") as out:
        for _ in way(out, digest):
            if measure:
                measure()
    took = time.ticks_diff(time.ticks_us(), start) / 1000
    return took, digest.digest() == expected


def peak(way):
    """Bytes of heap above what there was before."""
    gc.collect()
    before = gc.mem_alloc()
    top = 0

    def measure():
        nonlocal top
        gc.collect()
        top = max(top, gc.mem_alloc() - before)

    run(way, measure)
    return top


found = {}
for way in (floor, from_patch, from_pieces):
    runs = [run(way) for _ in range(TIMES)]
    found[way.__name__] = {
        "ms": min(ms for ms, _ in runs),
        "right": all(good for _, good in runs),
        "heap": peak(way),
    }
print(json.dumps(found))
