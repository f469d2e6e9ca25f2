"""`mpfleet dev`: save a file, and see it run on a board."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from host.cli import output
from host.cli import port as serial_port

if TYPE_CHECKING:
    from host.deploy import Event

_RUNTIME = "mpfleet "  # what the runtime's own lines begin with


@click.command()
@serial_port.given
@click.option("--virtual", is_flag=True, help="A virtual board for this session instead.")
@click.option("--quiet", is_flag=True, help="Of the runtime's lines show the application's only.")
@click.argument(
    "folder",
    metavar="[PATH]",
    default=".",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
def dev(port: str | None, virtual: bool, quiet: bool, folder: Path) -> None:
    """Put the app folder PATH onto a board at every save, and follow what the board prints.

    Files of app/ and lib/ that changed are compiled and copied into the slot that runs, then the
    board restarts. Tracebacks name the lines of your files. Until the board takes a release again
    the host shows it as unmanaged. Needs no host; Ctrl-C ends it, the board runs on.

    \b
    Examples:
      mpfleet dev --virtual examples/blink
      mpfleet dev --port /dev/ttyUSB0 examples/blink
    """
    if port and virtual:
        raise click.UsageError("give --port PORT or --virtual, not both")
    from host.dev import Loop
    from host.dev import virtual as boards

    with contextlib.ExitStack() as stack:
        if virtual:
            _say("setting a virtual board up")
            port = stack.enter_context(boards.board(folder, _step))
        loop = Loop(serial_port.one(port), folder, _say, lambda line: _show(line, quiet))
        _say(f"watching {folder}; Ctrl-C ends this")
        with contextlib.suppress(KeyboardInterrupt):
            loop.run()
        _say("ended" if virtual else "ended; the board runs on")


def _step(event: Event) -> None:
    """A deploy's steps are not what one came for; its progress shows that it lives."""
    if event.total and sys.stderr.isatty():
        click.echo(f"\r{event.step:>10} {100 * event.done // event.total:3} %", err=True, nl=False)
        if event.done == event.total:
            click.echo("\r" + " " * 20 + "\r", err=True, nl=False)


def _say(text: str) -> None:
    stamp = time.strftime("%H:%M:%S")
    click.echo(click.style(output.plain(f"{stamp} dev: {text}"), bold=True))


def _show(line: str, is_quiet: bool) -> None:
    is_runtime = line.startswith(_RUNTIME) and " app: " not in line
    if not (is_runtime and is_quiet):
        click.echo(click.style(output.plain(line), dim=is_runtime))
