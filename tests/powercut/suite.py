"""Runs scenarios on the rig of this folder, with and without cuts."""

import hashlib
import json
import random
import shutil
import subprocess
from pathlib import Path

from device.protocol import PIECE_BYTES
from host import patches
from host.storage import in_pieces
from simulator import micropython
from tests.powercut import approvals, verdicts
from tests.powercut.chip import make_image
from tests.powercut.kinds import kind_of

ROOT = Path(__file__).parents[2]
MICROPYTHON = str(micropython())
IMAGE_BYTES = 40000  # more than a piece


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


def images(firmware):
    """The image that runs and the one that release 5 brings; the patch, where it comes as one."""
    if firmware != "patch":
        return {"old": make_image(b"old"), "new": make_image(b"new", IMAGE_BYTES)}
    old = text(8, IMAGE_BYTES)
    new = old[:9000] + text(9, 3000) + old[9500:]
    made = {"old": make_image(b"old", IMAGE_BYTES, body=old)}
    made["new"] = make_image(b"new", IMAGE_BYTES, body=new)
    made["patch"] = patches.make(made["old"], made["new"])
    return made


CUTS = ("before", "middle", "after")
KEPT = ("flash.bin", "nvs.json", "host.json")  # what outlives the power


class Rig:
    """Runs lives of one scenario on copies of one installed board."""

    def __init__(self, folder, name):
        self._folder, self.name = folder, name
        self.kind, self.is_full = kind_of(name)
        shaped = {}
        for number, files in releases().items():
            big = [data for data in files.values() if len(data) > PIECE_BYTES]
            shaped[number] = {
                "files": {path: data.hex() for path, data in files.items()},
                "pieces": {hashlib.sha256(d).hexdigest(): in_pieces(d).hex() for d in big},
            }
        given = {"releases": shaped}
        given["images"] = {n: data.hex() for n, data in images(self.kind.firmware).items()}
        given["metadata"] = approvals.make(releases()[6]) if self.kind.life == "trust" else None
        (folder / "releases.json").write_text(json.dumps(given))
        (folder / "host.json").write_text("{}")
        self.life("install")
        self._operations = 0
        for name in KEPT:
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
            [*command, what, self.name, str(cut_at), when, fault],
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
        for name in KEPT:
            shutil.copy(self._folder / f"installed-{name}", self._folder / name)

    def operations(self):
        """Flash operations of one good run, which ends as it should."""
        if not self._operations:
            self.fresh()
            told = self.life("live")
            assert not verdicts.astray(told, self.kind, self.is_full), told
            self._operations = told["operations"]
        return self._operations

    def cut(self, cuts):
        """Live with the power cut, once or in a row, then on; what became of the board."""
        self.fresh()
        for n, when in cuts:
            self.life("live", n, when)  # a later cut may come after its end
        return self.life("recover")

    def first(self, told):
        """What started after the cut: "old", "new" or "neither"."""
        return verdicts.first(told, self.kind)

    def wrong(self, told):
        """What is wrong with a board after cuts; an empty list for one that is well."""
        return verdicts.wrong(told, self.kind)
