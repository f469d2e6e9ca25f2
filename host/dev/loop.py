"""Save after save onto one board, and what it says in between."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from host.builder.errors import BuildError
from host.deploy.board import Board
from host.deploy.errors import DeployError
from host.dev import slot, sources
from host.dev.changes import Changes

_HEAR_S = 0.05  # how late a save is noticed while the board is silent
_RETRY_S = 0.5  # between two looks for a port that went away
_LOST = "port-lost"


class Loop:
    """`say` takes our own sentences, `show` the lines of the board."""

    def __init__(
        self, port: str, folder: Path, say: Callable[[str], None], show: Callable[[str], None]
    ) -> None:
        self._folder = folder
        self._say = say
        self._show = show
        self._board = Board(port)
        self._sources: sources.Sources | None = None  # as the board has them
        self._is_due = True

    def run(self) -> None:
        """Follow until KeyboardInterrupt, which leaves the board running the application.

        Raises:
            BuildError, DeployError: it cannot begin; later ones are said, and waited out.
        """
        try:
            with Changes(self._folder) as changes:
                self._save(is_first=True)
                while True:
                    self._hear()
                    self._is_due = changes.take() or self._is_due
                    if self._is_due and not self._board.is_lost:
                        self._save()
        finally:
            self._board.close()

    def _save(self, is_first: bool = False) -> None:
        self._is_due = False
        try:
            found = sources.read(self._folder)
        except BuildError as error:
            if is_first and error.code != "syntax-error":
                raise
            self._say(f"{error}; the board keeps what it has")
            return
        if self._sources and found.files == self._sources.files:
            self._sources = found  # a comment moved lines, perhaps
            return
        try:
            self._put(found)
        except DeployError as error:
            if is_first:
                raise
            self._say(str(error))
            self._is_due = error.code == _LOST

    def _put(self, found: sources.Sources) -> None:
        start = time.monotonic()
        self._board.stop()
        try:
            done = slot.fill(self._board, found.files)
        except BaseException:  # Ctrl-C too, in the middle of a piece of code: the board runs on
            with contextlib.suppress(DeployError):
                self._board.stop()
            raise
        finally:
            self._board.restart()
        self._sources = found
        removed = f", {done.removed} removed" if done.removed else ""
        took = time.monotonic() - start
        self._say(f"slot {done.slot}: {done.copied} copied{removed}; restarted in {took:.1f} s")

    def _hear(self) -> None:
        was_lost = self._board.is_lost
        for line in self._board.heard(_RETRY_S if was_lost else _HEAR_S):
            for text in self._sources.trace(line) if self._sources else [line]:
                self._show(text)
        if self._board.is_lost != was_lost:
            port = self._board.port
            self._say(f"{port} is back" if was_lost else f"{port} went away; waiting for it")
