"""The steps of a deploy on the screen: a sentence each, and a bar while files are copied."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Self

import click

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from host.deploy import Event


class Steps:
    """A report that prints; without a terminal sentences only."""

    def __init__(self, is_quiet: bool) -> None:
        self._is_quiet = is_quiet
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end_bar()

    def __call__(self, event: Event) -> None:
        """Show one thing a deploy says."""
        if self._is_quiet:
            return
        if event.total:
            self._advance(event)
        else:
            self._end_bar()
            click.echo(f"{event.step:>10}  {event.text}")

    def pause(self) -> None:
        """Make room for a question."""
        self._end_bar()

    def _advance(self, event: Event) -> None:
        if not sys.stdout.isatty():
            return
        if self._progress is None:
            from rich import progress

            self._progress = progress.Progress(
                progress.TextColumn(f"{event.step:>10} "),
                progress.BarColumn(),
                progress.DownloadColumn(),
                transient=True,
            )
            self._progress.start()
            self._task = self._progress.add_task(event.text, total=event.total)
        self._progress.update(self._task, completed=event.done)
        if event.done == event.total:
            self._end_bar()

    def _end_bar(self) -> None:
        if self._progress:
            self._progress.stop()
            self._progress = None
