"""`mpfleet token`: where one is signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from host.cli import output
from host.cli.session import signed_in

if TYPE_CHECKING:
    from host.cli.client import Client

_COLUMNS = ("id", "name", "created_at", "expires_at", "current")


@click.group()
def token() -> None:
    """See where you are signed in, and sign out there."""


@token.command("list")
@output.as_json
@signed_in
def list_(client: Client, as_json: bool) -> None:
    """List your tokens: of command lines, and of browsers.

    \b
    Example:
      mpfleet token list
    """
    output.show(client.get("/tokens"), as_json, _text)


@token.command()
@click.argument("token_id", metavar="ID", type=int)
@signed_in
def revoke(client: Client, token_id: int) -> None:
    """Void one of your tokens, as token list numbers them.

    \b
    Example:
      mpfleet token revoke 12
    """
    client.send("DELETE", f"/tokens/{token_id}")
    click.echo(f"token {token_id} is void")


def _text(found: list[dict[str, Any]]) -> str:
    titles = [name.removesuffix("_at").upper() for name in _COLUMNS]
    return output.columns(titles, [[one[name] for name in _COLUMNS] for one in found])
