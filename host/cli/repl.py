"""`mpfleet repl`: the prompt of a board."""

from __future__ import annotations

import subprocess
import sys

import click

from host.cli import port as serial_port


@click.command()
@serial_port.given
def repl(port: str | None) -> None:
    """Open the prompt of a board. Ctrl-C stops what runs there, Ctrl-] ends.

    The board goes on running until Ctrl-C, which Ctrl-D follows with a soft reset.

    \b
    Example:
      mpfleet repl --port /dev/ttyUSB0
    """
    from host.deploy import ports

    path = serial_port.one(port)
    ports.check(path)  # mpremote only says that it failed
    # A process of its own: it owns the terminal, and gives it back as it was.
    command = [sys.executable, "-m", "mpremote", "connect", ports.real(path), "resume", "repl"]
    sys.exit(subprocess.run(command, check=False).returncode)  # noqa: S603 - mpremote
