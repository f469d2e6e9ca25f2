"""Scenarios of updates on the rig of this folder, and what a power cut may leave of them."""

import hashlib
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

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


# What the board ends on: release, its firmware, and what it says of release 5.
SCENARIOS = {
    "app": (5, "old", "done"),
    "firmware": (5, "new", "done"),
    "both": (5, "new", "done"),
    "rollback": (4, "old", "failed"),
}
CUTS = ("before", "middle", "after")


class Rig:
    """Runs lives of one scenario on copies of one installed board."""

    def __init__(self, folder, kind):
        self._folder, self.kind = folder, kind
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
            [*command, what, self.kind, str(cut_at), when, fault],
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.returncode < 0:
            return None
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def fresh(self):
        """Back to the installed board."""
        for name in ("flash.bin", "nvs.json"):
            shutil.copy(self._folder / f"installed-{name}", self._folder / name)

    def operations(self):
        """Flash operations of one good run, which ends as it should."""
        self.fresh()
        told = self.life("update")
        number, image, outcome = SCENARIOS[self.kind]
        ended = [told["number"], told["mode"], told["image"], told["reports"][-1][1]]
        assert ended == [number, "active", image, outcome], told
        return told["operations"]

    def cut(self, cuts, fault="none"):
        """Update with the power cut, once or in a row, then on; what became of the board."""
        self.fresh()
        for n, when in cuts:
            self.life("update", n, when, fault)  # a later cut may come after its end
        return self.life("recover", fault=fault)


def first(told, kind):
    """What started after the cut: "old", "new" or "neither"."""
    number, is_whole, image = told["chosen"][0]
    pairs = {(4, "old"): "old", (5, "new" if kind in NEW_IMAGE else "old"): "new"}
    return pairs.get((number, image), "neither") if is_whole else "neither"


NEW_IMAGE = ("firmware", "both", "rollback")


def wrong(told, kind):
    """What is wrong with a board after cuts; an empty list for one that is well."""
    number, image, outcome = SCENARIOS[kind]
    pairs = [[4, True, "old"], [5, True, "new" if kind in NEW_IMAGE else "old"]]
    strays = [r for r in told["reports"] if r[0] == 5 and r[1] != outcome]
    ended = (told["number"], told["image"], told["mode"], told["is_new_whole"])
    checks = (
        (all(c in pairs for c in told["chosen"]), "a pair started that no release brought"),
        (ended == (number, image, "active", True), "the update did not get there"),
        (not strays, "a cut was held against the release"),
        (told["next"] == 6 and told["is_next_whole"], "the next update did not get there"),
        (not told["leftovers"] and not told["garbage"], "state files are left over or garbage"),
    )
    return [text for is_so, text in checks if not is_so]
