"""`mpfleet token`: where one is signed in, and tokens for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from host.cli import output
from host.cli.session import signed_in

if TYPE_CHECKING:
    from host.cli.client import Client

_COLUMNS = (
    "id", "name", "kind", "scopes", "created_at", "last_used_at", "last_used_from", "expires_at",
    "current",
)  # fmt: skip
_UNITS = {"d": 1, "w": 7, "m": 30, "y": 365}


class Days(click.ParamType):
    """A time in days, weeks, months or years, in whole days: 30d, 2w, 3m, 1y."""

    name = "time"

    def convert(self, value: Any, param: Any, context: Any) -> int:
        """Days of a text."""
        count, unit = str(value)[:-1], str(value)[-1:]
        if isinstance(value, int):
            return value
        if unit not in _UNITS or not count.isdecimal() or len(count) > 4:
            self.fail(f"{value!r} is no time: give 30d, 2w, 3m or 1y", param, context)
        return int(count) * _UNITS[unit]


@click.group()
def token() -> None:
    """See where you are signed in, and sign out there; make tokens for programs."""


@token.command()
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, required=True, metavar="ACTION",
    help="What it may: release.see, release.upload, device.change …, or all of release, device …;"
    " may be repeated.",
)  # fmt: skip
@click.option("--expires", type=Days(), default="90d", show_default=True, help="30d, 2w, 3m, 1y.")
@output.as_json
@signed_in
def create(
    client: Client, name: str, scopes: tuple[str, ...], expires: int, as_json: bool
) -> None:
    """Make a token for a program; it is shown once.

    It may do what its scopes say, never more than you may, and nothing to accounts.
    docs/OPERATE.md lists the actions.

    \b
    Example:
      mpfleet token create build-server --scope release.see --scope release.upload --expires 1y
    """
    value = {"name": name, "scopes": list(scopes), "days": expires}
    answer = client.send("POST", "/api-tokens", value)
    output.show(answer, as_json, _made_text)


@token.command("list")
@output.as_json
@signed_in
def list_(client: Client, as_json: bool) -> None:
    """List your tokens: of browsers, command lines and programs.

    \b
    Example:
      mpfleet token list
    """
    output.show(client.get("/tokens"), as_json, _text)


@token.command()
@click.argument("token_id", metavar="ID", type=int, required=False)
@click.option("--others", is_flag=True, help="All but the one in use here.")
@output.as_json
@signed_in
def revoke(client: Client, token_id: int | None, others: bool, as_json: bool) -> None:
    """Void one of your tokens, as token list numbers them: a phone was lost.

    \b
    Examples:
      mpfleet token revoke 12
      mpfleet token revoke --others
    """
    if (token_id is None) != others:
        raise click.UsageError("give ID or --others")
    if others:
        answer = client.send("DELETE", "/tokens")
        output.show(answer, as_json, lambda a: f"others that are void now: {a['ended']}")
    else:
        client.send("DELETE", f"/tokens/{token_id}")
        output.show({"ended": 1}, as_json, lambda _: f"token {token_id} is void")


def _made_text(one: dict[str, Any]) -> str:
    fields = ("name", "token", "scopes", "expires_at")
    return output.fields([(name, one[name]) for name in fields])


def _text(found: list[dict[str, Any]]) -> str:
    return output.table(_COLUMNS, found)
