"""`mpfleet watch`: updates as they happen."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Protocol

import click

from host.cli import output, standing
from host.cli.session import signed_in

if TYPE_CHECKING:
    from host.cli.client import Client

_POLL_S = 0.5
_INTERRUPTED = 130  # what a shell gives for Ctrl-C


class _View(Protocol):
    def show(self, found: list[standing.Standing]) -> None: ...

    def close(self) -> None: ...


@click.command()
@click.argument("references", metavar="[DEVICE]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print each change as a line of JSON.")
@signed_in
def watch(client: Client, references: tuple[str, ...], as_json: bool) -> None:
    """Follow updates until all have ended; without DEVICE all that are under way.

    Exit status 0 only if every one was done. Ctrl-C stops watching, not the updates.

    \b
    Examples:
      mpfleet watch
      mpfleet assign 4 --device kitchen && mpfleet watch kitchen
    """
    wanted = _chosen(client, references)
    if not wanted:
        click.echo("no update is under way", err=True)
        return
    view = _Bars() if sys.stdout.isatty() and not as_json else _Lines(as_json)
    try:
        found = _follow(client, wanted, view)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    finally:
        view.close()
    if not all(s.is_good for s in found):
        sys.exit(1)


def _chosen(client: Client, references: tuple[str, ...]) -> list[str]:
    if references:
        return [client.device(reference)["id"] for reference in references]
    return [d["id"] for d in client.devices() if standing.is_open(d)]


def _follow(client: Client, wanted: list[str], view: _View) -> list[standing.Standing]:
    while True:
        devices = {d["id"]: d for d in client.devices()}
        found = [standing.of(devices[i]) for i in wanted if i in devices]
        view.show(found)
        if all(s.has_ended for s in found):
            return found
        _pause()


def _pause() -> None:
    time.sleep(_POLL_S)


class _Lines:
    """One line for each change, for logs and programs."""

    def __init__(self, is_json: bool) -> None:
        self._is_json = is_json
        self._last: dict[str, standing.Standing | str] = {}

    def show(self, found: list[standing.Standing]) -> None:
        for one in found:
            key = one if self._is_json else one.text
            if self._last.get(one.device) != key:
                self._last[one.device] = key
                text = json.dumps(one._asdict()) if self._is_json else f"{one.label}: {one.text}"
                click.echo(output.plain(text))

    def close(self) -> None:
        """Nothing is held."""


class _Bars:
    """A live bar for each device."""

    def __init__(self) -> None:
        from rich import progress

        self._progress = progress.Progress(
            progress.TextColumn("{task.fields[label]}"),
            progress.BarColumn(),
            progress.TaskProgressColumn(),
            progress.TextColumn("{task.description}", markup=False),
        )
        self._progress.start()
        self._tasks: dict[str, progress.TaskID] = {}

    def show(self, found: list[standing.Standing]) -> None:
        from rich.markup import escape

        for one in found:
            if one.device not in self._tasks:
                self._tasks[one.device] = self._progress.add_task(
                    "", label=escape(output.plain(one.label))
                )
            done, total = (1, 1) if one.has_ended else (one.done, one.total or None)
            self._progress.update(
                self._tasks[one.device],
                completed=done,
                total=total,
                description=output.plain(one.text),
            )

    def close(self) -> None:
        self._progress.stop()
