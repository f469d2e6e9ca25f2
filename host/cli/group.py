"""`mpfleet group`: people who have devices together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from host.builder.errors import ToolError
from host.cli import output
from host.cli.session import signed_in

if TYPE_CHECKING:
    from host.cli.client import Client


@click.group()
def group() -> None:
    """See your groups; make them and say who is in them (admins only).

    A group's devices are each member's, as far as their role goes: device transfer --group.
    """


@group.command("list")
@output.as_json
@signed_in
def list_(client: Client, as_json: bool) -> None:
    """List the groups that you are in; an admin, all.

    \b
    Example:
      mpfleet group list
    """
    output.show(client.get("/groups"), as_json, _text)


@group.command()
@click.argument("name")
@output.as_json
@signed_in
def create(client: Client, name: str, as_json: bool) -> None:
    """Make a group, with nobody in it.

    \b
    Example:
      mpfleet group create lab
    """
    output.show(client.send("POST", "/groups", {"name": name}), as_json, lambda one: _text([one]))


@group.command()
@click.argument("name")
@output.as_json
@signed_in
def remove(client: Client, name: str, as_json: bool) -> None:
    """Remove a group that has no devices.

    \b
    Example:
      mpfleet group remove lab
    """
    answer = client.send("DELETE", f"/groups/{_find(client, name)['id']}")
    output.show(answer, as_json, lambda _: f"there is no group {name} any more")


@group.command()
@click.argument("name")
@click.argument("emails", metavar="EMAIL...", nargs=-1, required=True)
@output.as_json
@signed_in
def add(client: Client, name: str, emails: tuple[str, ...], as_json: bool) -> None:
    """Add people to a group.

    \b
    Example:
      mpfleet group add lab ada@example.org bob@example.org
    """
    found = _find(client, name)
    for email in emails:
        found = client.send("POST", f"/groups/{found['id']}/members", {"user": email})
    output.show(found, as_json, lambda one: _text([one]))


@group.command()
@click.argument("name")
@click.argument("emails", metavar="EMAIL...", nargs=-1, required=True)
@output.as_json
@signed_in
def drop(client: Client, name: str, emails: tuple[str, ...], as_json: bool) -> None:
    """Take people out of a group; its devices are theirs no more.

    \b
    Example:
      mpfleet group drop lab ada@example.org
    """
    found = _find(client, name)
    for email in emails:
        url = f"/groups/{found['id']}/members/{_member(found, email)['id']}"
        found = client.send("DELETE", url)
    output.show(found, as_json, lambda one: _text([one]))


def _find(client: Client, name: str) -> dict[str, Any]:
    found = [one for one in client.get("/groups") if one["name"] == name]
    if not found:
        raise ToolError(f"there is no group {name} of yours: mpfleet group list")
    return found[0]


def _member(found: dict[str, Any], email: str) -> dict[str, Any]:
    inside = [one for one in found["members"] if one["email"] == email.strip().lower()]
    if not inside:
        raise ToolError(f"{email} is not in {found['name']}: mpfleet group list")
    return inside[0]


def _text(found: list[dict[str, Any]]) -> str:
    if not found:
        return "you are in no group"
    rows = [(g["name"], [m["email"] for m in g["members"]], g["devices"]) for g in found]
    return output.columns(("NAME", "MEMBERS", "DEVICES"), rows)
