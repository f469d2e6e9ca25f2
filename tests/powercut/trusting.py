"""Scenario of the metadata: a board refreshes them while the root rotates every key that there is.

Runs in MicroPython. `tests/powercut/approvals.py` signs what the host serves.
"""

# It runs in MicroPython, in a test:
# ruff: noqa: UP031

import nor
import rig
from kinds import kind_of

_ROLES = ("root", "timestamp", "snapshot", "targets")
_MAY_BE_AWAY = ("timestamp", "snapshot")  # once their keys have changed (TUF, section 5.3.11)


class Scenario:
    """One board's lives: install() once, live() with or without a cut, recover()."""

    def __init__(self, flash, root, given, name):
        _, self._is_full = kind_of(name)
        self._flash = flash
        self._given = given
        self._host = rig.Host()
        self._board = board = rig.Board(self._host, root)
        self._host.running = lambda: rig.number_of(board.record.slot)
        board.is_trust_tried = True

    def install(self):
        """A deployed board that trusts what it was told once."""
        self._board.chip.flash_image(0, bytes.fromhex(self._given["images"]["old"]))
        files = self._given["releases"]["4"]["files"]
        rig.install("a", 4, {path: bytes.fromhex(data) for path, data in files.items()})
        self._serve("old")
        rig.put("/state/root.json", self._host.answers["/metadata/1.root.json"])
        self._board.run()
        if self._is_full:
            nor.fill()

    def live(self, cut_at, when):
        """The refresh, or what is left of it, with the power failing at an operation."""
        self._serve("new")
        self._flash.count_from_here(cut_at, when)
        self._board.run()
        return self._seen()

    def recover(self):
        """Power on and let it go on; with room again; then a release that the new keys signed."""
        board, told = self._board, {"chosen": [], "garbage": rig.garbage()}
        told["first"] = self._compare()
        self._serve("new")
        board.run()
        nor.free()
        board.run()
        told.update(self._seen())
        self._serve("next")
        board.run()
        told.update(rig.tell_next(board.record.slot))
        return told

    def _serve(self, when):
        given = self._given["metadata"][when]
        for path, data in given["answers"].items():
            self._host.answers[path] = bytes.fromhex(data)
        self._host.metadata, self._host.assignment = given["version"], given["release"]

    def _compare(self):
        """What a board believes at power-on: "old", "new" or "neither"; each role as a whole."""
        kinds = []
        for role in _ROLES:
            try:
                with open("/state/%s.json" % role, "rb") as f:
                    data = f.read().hex()
            except OSError:
                data = None
            known = [self._given["metadata"][when]["held"][role] for when in ("old", "new")]
            if data not in known and not (data is None and role in _MAY_BE_AWAY):
                return "neither"
            kinds.append(data == known[1])
        return "new" if kinds[0] else "old"

    def _seen(self):
        board = self._board
        return {
            "trusted": board.store.load("trusted.json", {}).get("versions"),
            "wanted": self._given["metadata"]["new"]["versions"],
            "floor": board.nvs.number("floor"),
            "fleet": board.nvs.blob("fleet") is not None and board.nvs.number("moving"),
            "reports": [r["kind"] for r in board.reports.queue],
            "mode": board.record.mode,
        }
