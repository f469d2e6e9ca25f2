"""Several boards set up at once: a line of progress each, and what became of them."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from host.builder.errors import ToolError
from host.errors import HostError

if TYPE_CHECKING:
    from host.deploy import Event, Outcome, Report

_LETTING_GO_S = 5  # after Ctrl-C: a chip is started again, a port closed


class Stopped(BaseException):
    """Somebody pressed Ctrl-C; leaves a thread at its next report."""


@dataclass
class Row:
    """One board."""

    port: str
    outcome: Outcome | None = None
    error: BaseException | None = None
    took_s: float = 0.0
    step: str = ""

    def shown(self) -> dict[str, Any]:
        """What became of it, for programs and people."""
        done, error = self.outcome, self.error
        return {
            "port": self.port,
            "device": done.device if done else None,
            "copied": done.copied if done else None,
            "unchanged": done.unchanged if done else None,
            "removed": done.removed if done else None,
            "number": done.number if done else None,
            "online": bool(done and done.is_online),
            "took_s": round(self.took_s, 1),
            "step": self.step,
            "error": getattr(error, "code", "failed") if error else None,
            "message": str(error) if error else None,
        }


def run(
    ports: Sequence[str], deploy: Callable[[str, Report], Outcome], is_quiet: bool
) -> list[Row]:
    """Deploy to each port in a thread of its own; one that fails stops no other."""
    rows = [Row(port) for port in ports]
    stopped = threading.Event()
    with _Lines(rows, is_quiet) as lines:
        threads = [
            threading.Thread(target=_work, args=(row, deploy, lines, stopped), daemon=True)
            for row in rows
        ]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        except KeyboardInterrupt:
            stopped.set()
            for thread in threads:
                thread.join(_LETTING_GO_S)
            raise
    return rows


def _work(
    row: Row,
    deploy: Callable[[str, Report], Outcome],
    lines: _Lines,
    stopped: threading.Event,
) -> None:
    def report(event: Event) -> None:
        if stopped.is_set():
            raise Stopped
        row.step = event.step
        lines.show(row, event)

    started = time.monotonic()
    try:
        row.outcome = deploy(row.port, report)
    except (ToolError, HostError, OSError, Stopped) as error:
        row.error = error
    row.took_s = time.monotonic() - started
    lines.finish(row)


class _Lines:
    """A line for each port, that moves on a terminal and is printed elsewhere."""

    def __init__(self, rows: Sequence[Row], is_quiet: bool) -> None:
        self._rows, self._is_quiet = rows, is_quiet
        self._progress: Any = None
        self._tasks: dict[str, Any] = {}
        self._width = max(len(row.port) for row in rows)

    def __enter__(self) -> _Lines:
        if not self._is_quiet and sys.stdout.isatty():
            from rich import progress

            self._progress = progress.Progress(
                progress.TextColumn("{task.fields[port]}", markup=False),
                progress.BarColumn(20),
                progress.TextColumn("{task.description}", markup=False),
            )
            self._progress.start()
            for row in self._rows:
                task = self._progress.add_task("waiting", total=None, port=row.port)
                self._tasks[row.port] = task
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress:
            self._progress.stop()

    def show(self, row: Row, event: Event) -> None:
        """One thing a deploy says."""
        if self._progress:
            text = f"{event.step}: {event.text}"
            total, done = event.total or None, event.done
            task = self._tasks[row.port]
            self._progress.update(task, description=text, total=total, completed=done)
        elif not self._is_quiet and not event.total:
            click.echo(f"{row.port.ljust(self._width)}  {event.step:>10}  {event.text}")

    def finish(self, row: Row) -> None:
        """It has ended."""
        text = "failed" if row.error else "online" if row.outcome.is_online else "set up"
        if self._progress:
            task = self._tasks[row.port]
            self._progress.update(task, description=text, total=1, completed=not row.error)
        elif not self._is_quiet:
            click.echo(f"{row.port.ljust(self._width)}  {text}")
