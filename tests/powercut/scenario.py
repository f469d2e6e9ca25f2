"""One life of a board on the rig; prints what became of it as one line of JSON.

scenario.py PROJECT WORK install|update|recover KIND CUT_AT WHEN FAULT
"""

# It runs in MicroPython, in a test:
# ruff: noqa: E402, RUF005, T201

import json
import sys

project, work, what, kind, cut_at, when, fault = sys.argv[1:8]
sys.path[:0] = [project + "/tests/powercut", project]

import rig
from chip import make_image

# What release 5 is: (its files are release 4's, it brings firmware, its app fails).
KINDS = {
    "app": (False, False, False),
    "firmware": (True, True, False),
    "both": (False, True, False),
    "rollback": (False, True, True),
}
SAME_FILES, BRINGS, FAILS = KINDS[kind]
_IMAGE_BYTES = 40000  # more than a piece

with open(work + "/releases.json") as f:
    releases = {int(n): r for n, r in json.loads(f.read()).items()}  # load() reads byte by byte


def files_of(number):
    return {path: bytes.fromhex(data) for path, data in releases[number]["files"].items()}


def offer(host, assignment, number):
    files = files_of(4 if number == 5 and SAME_FILES else number)
    image = make_image(b"new", _IMAGE_BYTES) if number == 5 and BRINGS else None
    manifest, blobs = rig.make_release(number, files, image)
    host.offer(assignment, manifest, blobs)
    for digest, data in releases[number]["pieces"].items():
        host.pieces["/blobs/" + digest] = bytes.fromhex(data)


def trial_before_stage():
    """The boot record is written before the slot is filled."""
    from device.update import client

    stage = client.Client._stage

    async def early(self):
        parts = await self._open_parts()
        self._trial.begin(self._slot.letter, self._journal["number"], parts.expected)
        await stage(self)

    client.Client._stage = early


def trust_what_is_there():
    """Files are fetched to their own names, what is there is taken for whole, seal sleeps."""
    from device.update import app_slot

    async def is_there(self, size, digest, download):
        return self.size() is not None

    async def stage(self, files, sources, download, abi):
        for path, size, digest in await self._prune(files, sources, download):
            self._make_folders(path)
            part = app_slot.FilePart(self.folder + "/" + path)
            await download.fetch("/blobs/" + digest, digest, size, part)
        app_slot.os.rename(self.coming, self.release)

    async def seal(self, files, download):
        pass

    app_slot.FilePart.is_whole = is_there
    app_slot.AppSlot.stage = stage
    app_slot.AppSlot.seal = seal


def activate_after_a_cut():
    """What was staged when the power failed counts as all."""
    from device.update import steps

    steps.STEPS["stage"] = steps.STEPS["stage"][:4] + ("activate",)


def record_in_place():
    """The boot record has one copy, and half of it is flushed first."""
    from device.update import record

    def change(self, **changes):
        fields = dict(self._fields)
        fields.update(changes)
        data = record.pack(self._sequence + 2, fields)
        with open(self._path(self._sequence & 1), "wb") as f:
            f.write(data[:40])
            f.flush()
            f.write(data[40:])
        self.load()

    record.BootRecord.change = change


def valid_before_seal():
    """The firmware is marked valid, and the record says so, before it is tried or read back."""
    from device.update import client

    async def stage(self):
        parts = await self._open_parts()
        self._record.change(active=self._slot.letter, firmware=parts.expected)
        await parts.stage(self._download, 6)

    client.Client._stage = stage


FAULTS = {
    "none": lambda: None,
    "trial-before-stage": trial_before_stage,
    "trust-what-is-there": trust_what_is_there,
    "activate-after-a-cut": activate_after_a_cut,
    "record-in-place": record_in_place,
    "valid-before-seal": valid_before_seal,
}

flash, root = rig.mount(project, work, cut_at=int(cut_at), when=when, fresh=what == "install")
FAULTS[fault]()
host = rig.Host()
if what == "install":
    rig.install("a", 4, files_of(4))
    print(json.dumps({"operations": flash.operations}))
    sys.exit()

told = {}
board = rig.Board(host, root)
if BRINGS:
    board.nvs.set_number("rollback", 1)
if FAILS:
    board.apps[5] = rig.Application(failure="it raised")
if what == "recover":
    board.look = lambda path: told.setdefault("chosen", []).append(
        [rig.number_of(path[0][-1]), rig.is_whole(path[0][-1]), board.chip.name()]
        if path
        else [0, False, ""]
    )
offer(host, 17, 5)
told["starts"] = board.run()
told["number"] = rig.number_of(board.record.slot)
told["mode"] = board.record.mode
told["image"] = board.chip.name()
told["reports"] = [
    [r.get("number"), r.get("outcome"), r.get("reason")] for r in board.reports.queue
]
told["operations"] = flash.operations
if what == "recover":
    told["garbage"] = [line for line in board.lines if "garbage" in line]
    told["is_new_whole"] = rig.is_whole(board.record.slot)
    board.look = lambda path: None
    offer(host, 18, 6)
    board.run()
    told["next"] = rig.number_of(board.record.slot)
    told["is_next_whole"] = rig.is_whole(board.record.slot)
    told["leftovers"] = rig.leftovers()
print(json.dumps(told))
