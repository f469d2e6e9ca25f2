"""Boards whose power fails at a counted flash operation, on the rig of this folder."""

import hashlib
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MICROPYTHON = shutil.which(
    "micropython", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}"
)
PIECE = 32768


def in_pieces(data):
    """A blob as it travels in pieces (SPEC section 6)."""
    pieces = []
    for start in range(0, len(data), PIECE):
        deflater = zlib.compressobj(9, zlib.DEFLATED, -12)
        pieces.append(deflater.compress(data[start : start + PIECE]) + deflater.flush())
    index = struct.pack("<4sII", b"MPZ1", len(data), len(pieces))
    return index + b"".join(struct.pack("<I", len(p)) for p in pieces) + b"".join(pieces)


def text(seed, size):
    """Bytes that deflate somewhat, as bytecode does."""
    rng = random.Random(seed)
    words = [rng.randbytes(rng.randint(2, 9)) for _ in range(200)]
    return b"".join(rng.choice(words) for _ in range(size))[:size]


def mpy(seed, size):
    """What an .mpy looks like from outside."""
    return b"M\x06\x00\x1f" + text(seed, size - 4)


def releases():
    """Releases 4, 5 and 6: changed, new, moved and deleted files, one longer than a piece."""
    four = {
        "app/main.mpy": mpy(1, 900),
        "app/old/thing.mpy": mpy(2, 700),
        "app/note.txt": b"small enough to live in its folder",
        "device/run.mpy": mpy(3, 5000),
        "lib/umqtt/simple.mpy": mpy(4, 2000),
    }
    five = dict(four)
    del five["app/old/thing.mpy"]
    five["app/main.mpy"] = mpy(5, 1100)
    five["app/moved.mpy"] = four["app/old/thing.mpy"]
    five["app/table.bin"] = text(6, 70000)
    six = dict(five)
    six["app/main.mpy"] = mpy(7, 1000)
    del six["app/table.bin"]
    return {4: four, 5: five, 6: six}


class Rig:
    """Runs scenarios on copies of one installed board."""

    def __init__(self, folder):
        self._folder = folder
        shaped = {}
        for number, files in releases().items():
            big = [data for data in files.values() if len(data) > PIECE]
            shaped[number] = {
                "files": {path: data.hex() for path, data in files.items()},
                "pieces": {hashlib.sha256(d).hexdigest(): in_pieces(d).hex() for d in big},
            }
        (folder / "releases.json").write_text(json.dumps(shaped))
        self.life("install")
        for name in ("flash.bin", "nvs.json"):
            shutil.copy(folder / name, folder / f"installed-{name}")

    def life(self, what, cut_at=0, when="before", fault="none"):
        """What a scenario printed, or None where the power failed."""
        command = [
            MICROPYTHON,
            str(ROOT / "tests/powercut/scenario.py"),
            str(ROOT),
            str(self._folder),
        ]
        done = subprocess.run(
            [*command, what, str(cut_at), when, fault], capture_output=True, text=True, timeout=60
        )
        if done.returncode < 0:
            return None
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def fresh(self):
        """Back to the installed board."""
        for name in ("flash.bin", "nvs.json"):
            shutil.copy(self._folder / f"installed-{name}", self._folder / name)

    def cut(self, cut_at, when, fault="none"):
        """Update with the power cut, then power on again; what became of the board."""
        self.fresh()
        assert self.life("update", cut_at, when, fault) is None, "the power did not fail"
        return self.life("recover", fault=fault)


@pytest.fixture(scope="session")
def rig():
    memory = Path("/dev/shm")  # noqa: S108 - 960 kB are copied for each cut: not to a disk, if that can be
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Rig(Path(folder))
