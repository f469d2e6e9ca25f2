"""Puts an application into the slot that runs, in place of the release there."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from host.builder import release, runtime
from host.deploy import agent
from host.deploy.board import Board
from host.deploy.errors import DeployError
from host.deploy.files import Copier

_FIRST = "a"
_GOLDEN = "/device/setup.mpy"
_FOLDERS = ("app", "lib")  # what is the application's of a slot

# Crashes are forgotten: what caused them is about to change.
_LOOK = """
from device.setup import status
from device.update.record import BootRecord
_r = BootRecord()
if _r.crashes and _r.trial == '-':
    _r.change(crashes=0, wakes=0, rounds=0)
status()
"""

# SPEC section 2: from here on the slot claims to be no release.
_UNSEAL = """
try:
    os.rename(%r, %r)
except OSError as e:
    if e.errno != 2:
        raise
"""


@dataclass(frozen=True)
class Copied:
    """What one save changed on the board."""

    slot: str
    copied: int
    removed: int


def fill(board: Board, files: Mapping[str, bytes]) -> Copied:
    """Make the slot that runs hold these files of an application; the board must be stopped.

    The slot's release.json goes first, then each file is replaced as a whole: a power cut leaves
    a slot that starts, and that claims to be no release.

    Raises:
        DeployError: `not-set-up`, `on-trial`, or what copying raises.
    """
    board.run(agent.SOURCE)
    copier = Copier(board)
    active = _look(board, copier)
    slot = f"/slots/{_FIRST if active == '-' else active}"
    if active == "-":
        _make(board, copier, slot)
    wanted = {f"{slot}/{path}": content for path, content in files.items()}
    folders = [f"{slot}/{folder}" for folder in _FOLDERS]
    if _differs(board, copier, folders, wanted):
        board.run(_UNSEAL % (f"{slot}/release.json", f"{slot}/release.was"))
        copier.keep_only(folders, wanted)
        copier.copy(wanted, _ignore)
    if active == "-":
        board.run(agent.apply({"active": _FIRST}))
    return Copied(slot[-1], copier.copied, copier.removed)


def _look(board: Board, copier: Copier) -> str:
    """The letter of the active slot, "-" for none."""
    is_there = copier.hashes([_GOLDEN])[_GOLDEN] is not None
    status = json.loads(board.run(_LOOK)) if is_there else {"has_host": False}
    if not status["has_host"]:
        raise DeployError(
            "not-set-up",
            f"the board on {board.port} is not set up yet",
            f"mpfleet deploy --port {board.port}",
        )
    if status["trial"] != "-":
        raise DeployError(
            "on-trial",
            "the board tries a release just now",
            "save again when it has ended; nothing was copied",
        )
    return status["active"]


def _make(board: Board, copier: Copier, slot: str) -> None:
    """The runtime into a slot that nothing runs from; what golden shares with it is not sent."""
    board.run(agent.remove([f"{slot}/release.json"]))
    sources = runtime.release_sources()
    files = release.compiled(sources.items())
    copier.learn([f"/{path}" for path in files])
    copier.copy({f"{slot}/{path}": content for path, content in files.items()}, _ignore)


def _differs(
    board: Board, copier: Copier, folders: list[str], wanted: Mapping[str, bytes]
) -> bool:
    there = copier.hashes(list(wanted))
    tree = json.loads(board.run(agent.tree(folders)))
    is_stale = any(path[-1] != "/" and path not in wanted for path in tree)
    return is_stale or any(there[p] != release.digest(content) for p, content in wanted.items())


def _ignore(_done: int, _total: int) -> None:
    """A save copies a few kB: no bar is worth its while."""
