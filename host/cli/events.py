"""`mpfleet events`: who did what, when and why."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from host.cli import output
from host.cli.session import signed_in

if TYPE_CHECKING:
    from host.cli.client import Client

_PAGE = 500
_COLUMNS = ("id", "at", "who", "subject", "what", "why")
_RISKY = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would calculate what begins so


@click.command()
@click.option("--device", "reference", help="Of this device, by id or name.")
@click.option("--rollout", type=int, help="Of this rollout.")
@click.option("--release", metavar="PRODUCT/NUMBER", help="Of this release.")
@click.option("--who", help="By this person, `host` or `device ID`.")
@click.option("--what", help="Only such ones, like `assigned` or `rolled-back`.")
@click.option("--limit", type=int, help="At most so many. [default: 50; all with --csv or --json]")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, for a spreadsheet.")
@output.as_json
@signed_in
def events(
    client: Client,
    reference: str | None,
    rollout: int | None,
    release: str | None,
    who: str | None,
    what: str | None,
    limit: int | None,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Show or export the record, newest first.

    \b
    Examples:
      mpfleet events --device kitchen
      mpfleet events --rollout 7 --csv > rollout-7.csv
    """
    subjects = [
        *([f"device {client.device(reference)['id']}"] if reference else []),
        *([f"rollout {rollout}"] if rollout is not None else []),
        *([f"release {release}"] if release else []),
    ]
    if len(subjects) > 1:
        raise click.UsageError("give one of --device, --rollout and --release")
    query = {"subject": subjects[0] if subjects else None, "who": who, "what": what}
    given = {name: value for name, value in query.items() if value is not None}
    if limit is None and not (as_csv or as_json):
        limit = 50
    found = _pages(client, given, limit)
    if as_csv:
        _write_csv(found)
    elif as_json:
        click.echo(output.plain(json.dumps(list(found), indent=2, ensure_ascii=False)))
    else:
        click.echo(output.plain(output.table(_COLUMNS, found)))


def _pages(client: Client, query: dict[str, Any], limit: int | None) -> Iterator[dict[str, Any]]:
    before: dict[str, int] = {}
    while limit is None or limit > 0:
        page = client.get("/events", limit=min(limit or _PAGE, _PAGE), **query, **before)
        yield from page
        if not page:
            return
        before = {"before": page[-1]["id"]}
        limit = None if limit is None else limit - len(page)


def _write_csv(found: Iterator[dict[str, Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for one in found:
        writer.writerow([_safe(str(one[name])) for name in _COLUMNS])
    click.echo(output.plain(text.getvalue().replace("\r\n", "\n")), nl=False)


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_RISKY) else text
