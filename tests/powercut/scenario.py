"""One life of a board on the rig, as told on the command line; prints what became of it as one line of JSON.

    scenario.py PROJECT WORK install|update|recover CUT_AT WHEN FAULT
"""

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


def plant(fault):
    """Make the mistake of this name, to see it caught."""
    from device.update import app_slot, client, download, steps

    if fault == "trial-before-stage":
        stage = client.Client._stage

        async def early(self):
            self._trial.begin(self._slot.letter, self._journal["number"])
            await stage(self)

        client.Client._stage = early
    elif fault == "trust-what-is-there":

        async def trusting(self, path, size, digest):
            return download._size(path) is not None

        async def no_seal(self, files, download):
            pass

        download.Download.is_whole = trusting
        app_slot._PART = ""
        app_slot.AppSlot.seal = no_seal
        make = app_slot.AppSlot._make_folders

        async def stage(self, files, sources, download, abi):
            for path, size, digest in await self._prune(files, sources, download):
                make(self, path)
                await download.fetch("/blobs/" + digest, digest, size, self.folder + "/" + path)
            app_slot.os.rename(self.coming, self.release)

        app_slot.AppSlot.stage = stage
    elif fault == "activate-after-a-cut":
        steps.STEPS["stage"] = steps.STEPS["stage"][:4] + ("activate",)


flash, root = rig.mount(project, work, cut_at=int(cut_at), when=when, fresh=what == "install")
plant(fault)
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
told["reports"] = [[r.get("number"), r.get("outcome"), r.get("reason")] for r in board.reports.queue]
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
