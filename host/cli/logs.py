"""`mpfleet logs`: what a board says on its serial port."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from host.cli import output
from host.cli import port as serial_port


@click.command()
@serial_port.given
@output.as_json
def logs(port: str | None, as_json: bool) -> None:
    """Follow what a board says, over resets and while its cable is out. Ctrl-C ends.

    \b
    Examples:
      mpfleet logs --port /dev/ttyUSB0
      mpfleet logs --json | jq -r .line
    """
    from host.deploy import follow

    try:
        for line in follow.lines(serial_port.one(port), lambda text: click.echo(text, err=True)):
            click.echo(_as_json(line) if as_json else output.plain(line))
    except KeyboardInterrupt:
        click.echo(err=True)


def _as_json(line: str) -> str:
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    return json.dumps({"at": at, "line": line}, ensure_ascii=False)
