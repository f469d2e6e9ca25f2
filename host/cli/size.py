"""`mpfleet size`: what the runtime costs a board."""

import click

from host.cli import output


@click.command()
@output.as_json
def size(as_json: bool) -> None:
    """Print bytes and flash blocks of each module of the runtime.

    \b
    Example:
      mpfleet size
    """
    from host.builder import ledger, release, runtime

    table = ledger.of(release.golden(), runtime.starters())
    output.show(table, as_json, lambda _: "\n".join(ledger.lines(table)))
