"""Notices that something below an app folder was saved."""

import threading
from pathlib import Path
from typing import Self

import watchfiles

_QUIET_MS = 50  # editors write a file in several steps
_LONGEST_MS = 400
_BEAT_MS = 300  # between two looks at whether it should end


class Changes:
    """As a context: `take()` says whether anything changed since it was asked last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stop = threading.Event()
        self._changed = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def take(self) -> bool:
        """Whether there was a change since the last call."""
        was_there = self._changed.is_set()
        self._changed.clear()
        return was_there

    def _watch(self) -> None:
        # The folder, not its files: an editor that renames a new file into place is seen too.
        changes = watchfiles.watch(
            self._folder,
            watch_filter=None,  # what is no file of the application changes nothing it builds
            debounce=_LONGEST_MS,
            step=_QUIET_MS,
            rust_timeout=_BEAT_MS,
            yield_on_timeout=True,
            stop_event=self._stop,
            raise_interrupt=False,
        )
        is_watching = False
        for found in changes:
            if found or not is_watching:  # a save may have come before it began to watch
                self._changed.set()
            is_watching = True
