"""Scenarios of updates: a board with release 4 is offered 5; after cuts it gets there, then to 6.

Runs in MicroPython.
"""

import nor
import rig
from kinds import kind_of

_OFFERED, _NEXT = 17, 18  # assignments


class Scenario:
    """One board's lives: install() once, live() with or without a cut, recover()."""

    def __init__(self, flash, root, given, name):
        self._kind, self._is_full = kind_of(name)
        self._flash = flash
        self._given = given
        self._images = {n: bytes.fromhex(data) for n, data in given["images"].items()}
        self._host = rig.Host()
        self._board = board = rig.Board(self._host, root)
        self._host.running = lambda: rig.number_of(board.record.slot)
        if self._kind.firmware:
            self._board.nvs.set_number("rollback", 1)
        if self._kind.fails:
            self._board.apps[5] = rig.Application(failure="it raised")

    def install(self):
        """A deployed board; for the scenario of a commit alone one whose trial is to start."""
        self._board.chip.flash_image(0, self._images["old"])
        rig.install("a", 4, rig.files_of(self._given, 4))
        if self._kind.life == "commit":
            self._offer(_OFFERED, 5)
            assert self._board.boot() == "trial of release 5"

    def live(self, cut_at, when):
        """The update, or what is left of it, with the power failing at a counted operation."""
        board = self._board
        self._offer(_OFFERED, 5)
        if self._is_full:
            self._fill_at_the_worst_moment()
        if self._kind.life == "commit":
            self._count_from_the_commit(cut_at, when)
        else:
            self._flash.count_from_here(cut_at, when)
        board.run()
        return self._seen()

    def recover(self):
        """Power on and let it go on; with room again; then the next release."""
        board, told = self._board, {"chosen": [], "garbage": rig.garbage()}
        board.look = lambda path: told["chosen"].append(self._chosen(path))
        self._offer(_OFFERED, 5)
        board.run()
        told["full_mode"] = board.record.mode
        if self._is_full:
            nor.free()
            board.run()
        told.update(self._seen())
        told["is_new_whole"] = rig.is_whole(board.record.slot)
        board.look = lambda path: None
        self._offer(_NEXT, 6)
        board.run()
        told.update(rig.tell_next(board.record.slot))
        return told

    def _offer(self, assignment, number):
        brings = number == 5 and self._kind.firmware
        files = rig.files_of(self._given, number if number != 5 or self._kind.files else 4)
        image = self._images["new"] if brings else None
        manifest, blobs = rig.make_release(number, files, image)
        self._host.offer(assignment, manifest, blobs)
        for digest, data in self._given["releases"][str(number)]["pieces"].items():
            self._host.pieces["/blobs/" + digest] = bytes.fromhex(data)
        if brings == "patch":
            old, new = rig.digest(self._images["old"]), rig.digest(image)
            self._host.patches["/blobs/" + new, old] = self._images["patch"]

    def _fill_at_the_worst_moment(self):
        """The application takes all room once the update is planned, and when a trial starts."""
        board, host = self._board, self._host
        get = host.get

        async def fill_and_get(path, *rest, **more):
            if path.startswith("/blobs/") and not nor.is_filled():
                self._flash.uncounted(nor.fill)
            return await get(path, *rest, **more)

        def look(path):
            if path and rig.number_of(path[0][-1]) == 5:
                self._flash.uncounted(nor.fill)

        if self._kind.life == "commit" or self._kind.fails:
            board.look = look
        else:
            host.get = fill_and_get

    def _count_from_the_commit(self, cut_at, when):
        from device.update.trial import Trial

        begin, again = Trial._commit, Trial.resume_commit

        def commit(trial):
            self._flash.count_from_here(cut_at, when)
            return begin(trial)

        def resume(trial):
            if trial._record.committing:
                self._flash.count_from_here(cut_at, when)
            again(trial)

        Trial._commit, Trial.resume_commit = commit, resume

    def _chosen(self, path):
        """[release, whether it is whole, firmware] that boot.py chose."""
        if not path:
            return [0, False, ""]
        letter = path[0][-1]
        return [rig.number_of(letter), rig.is_whole(letter), self._board.chip.name()]

    def _seen(self):
        board, keys = self._board, ("number", "outcome", "reason")
        return {
            "number": rig.number_of(board.record.slot),
            "mode": board.record.mode,
            "image": board.chip.name(),
            "reports": [[r.get(key) for key in keys] for r in board.reports.queue],
            "fetched": [r["bytes"]["fetched"] for r in board.reports.queue if "bytes" in r],
        }
