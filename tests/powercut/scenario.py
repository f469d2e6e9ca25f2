"""One life of a board on the rig; prints what became of it as one line of JSON.

scenario.py PROJECT WORK install|update|recover CUT_AT WHEN FAULT
"""

# It runs in MicroPython, in a test:
# ruff: noqa: E402, RUF005, T201

import json
import sys

project, work, what, cut_at, when, fault = sys.argv[1:7]
sys.path[:0] = [project + "/tests/powercut", project]

import rig

with open(work + "/releases.json") as f:
    releases = {int(n): r for n, r in json.loads(f.read()).items()}  # load() reads byte by byte


def files_of(number):
    return {path: bytes.fromhex(data) for path, data in releases[number]["files"].items()}


def offer(host, assignment, number):
    manifest, blobs = rig.make_release(number, files_of(number))
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
    from device.update import app_slot, download

    async def is_there(self, path, size, digest):
        return download._size(path) is not None

    async def stage(self, files, sources, download, abi):
        for path, size, digest in await self._prune(files, sources, download):
            self._make_folders(path)
            await download.fetch("/blobs/" + digest, digest, size, self.folder + "/" + path)
        app_slot.os.rename(self.coming, self.release)

    async def seal(self, files, download):
        pass

    download.Download.is_whole = is_there
    app_slot.AppSlot.stage = stage
    app_slot.AppSlot.seal = seal


def activate_after_a_cut():
    """What was staged when the power failed counts as all."""
    from device.update import steps

    steps.STEPS["stage"] = steps.STEPS["stage"][:4] + ("activate",)


FAULTS = {
    "none": lambda: None,
    "trial-before-stage": trial_before_stage,
    "trust-what-is-there": trust_what_is_there,
    "activate-after-a-cut": activate_after_a_cut,
}

flash, root = rig.mount(project, work, cut_at=int(cut_at), when=when, fresh=what == "install")
FAULTS[fault]()
host = rig.Host()
if what == "install":
    rig.install("a", 4, files_of(4))
    print(json.dumps({"operations": flash.operations}))
    sys.exit()

told = {}
if what == "recover":
    path = rig.Board(host, root).choose()
    slot = path[0][-1] if path else "-"
    told["chosen"] = rig.number_of(slot)
    told["is_whole"] = rig.is_whole(slot)
offer(host, 17, 5)
board = rig.Board(host, root)
told["starts"] = board.run()
told["number"] = rig.number_of(board.record.slot)
told["mode"] = board.record.mode
told["reports"] = [
    [r.get("number"), r.get("outcome"), r.get("reason")] for r in board.reports.queue
]
told["operations"] = flash.operations
if what == "recover":
    told["garbage"] = [line for line in board.lines if "garbage" in line]
    told["is_new_whole"] = rig.is_whole(board.record.slot)
    offer(host, 18, 6)
    board.run()
    told["next"] = rig.number_of(board.record.slot)
    told["is_next_whole"] = rig.is_whole(board.record.slot)
    told["leftovers"] = rig.leftovers()
print(json.dumps(told))
