"""`mpfleet user`: who may sign in, and as what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from host.builder.errors import ToolError
from host.cli import data_folder, output
from host.cli.session import signed_in
from host.cli.token import Days
from host.services import permissions

if TYPE_CHECKING:
    from host.cli.client import Client

_role = click.option(
    "--role",
    type=click.Choice(permissions.ROLES),
    default="operator",
    show_default=True,
    help="What they may do.",
)
_COLUMNS = ("email", "role", "active", "created_at")
_INVITATION = ("id", "email", "role", "created_by", "expires_at")


@click.group()
def user() -> None:
    """Invite people and say what they may do (admins only); give one another password."""


@user.command()
@click.argument("email")
@_role
@output.as_json
@signed_in
def add(client: Client, email: str, role: str, as_json: bool) -> None:
    """Add a person with a password of ours, which is shown once. Inviting them is better.

    \b
    Example:
      mpfleet user add ada@example.org --role operator
    """
    answer = client.send("POST", "/users", {"email": email, "role": role})
    shown = ("email", "role", "password")
    output.show(answer, as_json, lambda a: output.fields([(name, a[name]) for name in shown]))


@user.command()
@click.argument("email")
@_role
@click.option("--expires", type=Days(), default="7d", show_default=True, help="2d, 1w, 1m.")
@output.as_json
@signed_in
def invite(client: Client, email: str, role: str, expires: int, as_json: bool) -> None:
    """Print a link by which a person signs up, once. Hand it over yourself: nothing is mailed.

    \b
    Example:
      mpfleet user invite ada@example.org --role approver --expires 2d
    """
    value = {"email": email, "role": role, "days": expires}
    output.show(client.send("POST", "/invitations", value), as_json, _link_text)


@user.command()
@click.option("--take-back", "link_id", type=int, metavar="ID", help="One is of no use any more.")
@output.as_json
@signed_in
def invitations(client: Client, link_id: int | None, as_json: bool) -> None:
    """List the invitations that nobody used yet.

    \b
    Examples:
      mpfleet user invitations
      mpfleet user invitations --take-back 3
    """
    if link_id is not None:
        client.send("DELETE", f"/invitations/{link_id}")
    output.show(client.get("/invitations"), as_json, _invitations_text)


@user.command()
@click.argument("email")
@click.argument("role", type=click.Choice(permissions.ROLES))
@output.as_json
@signed_in
def role(client: Client, email: str, role: str, as_json: bool) -> None:
    """Give a person another role, at once.

    \b
    Example:
      mpfleet user role ada@example.org approver
    """
    _change(client, email, {"role": role}, as_json)


@user.command()
@click.argument("email")
@output.as_json
@signed_in
def reset(client: Client, email: str, as_json: bool) -> None:
    """Print a link by which a person chooses another password, once, within a day.

    \b
    Example:
      mpfleet user reset ada@example.org
    """
    answer = client.send("POST", f"/users/{find(client, email)['id']}/reset")
    output.show(answer, as_json, _link_text)


@user.command()
@click.argument("email")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output.as_json
@signed_in
def deactivate(client: Client, email: str, yes: bool, as_json: bool) -> None:
    """Sign a person out everywhere, until `user activate`. Their devices stay theirs.

    \b
    Example:
      mpfleet user deactivate ada@example.org --yes
    """
    if not yes:
        click.confirm(f"Sign {email} out and let them in no more?", abort=True, err=True)
    _change(client, email, {"active": False}, as_json)


@user.command()
@click.argument("email")
@output.as_json
@signed_in
def activate(client: Client, email: str, as_json: bool) -> None:
    """Let a person sign in again who was deactivated.

    \b
    Example:
      mpfleet user activate ada@example.org
    """
    _change(client, email, {"active": True}, as_json)


@user.command()
@click.argument("email")
@data_folder.option()
@output.as_json
def password(email: str, data: Path, as_json: bool) -> None:
    """Give a person another password, on the host itself; the new one is shown once.

    Needs the host's data folder and no sign-in: for an admin who forgot theirs. Whoever was
    signed in as that person no longer is. The host may be running.

    \b
    Example:
      mpfleet user password admin@mpfleet --data /srv/mpfleet
    """
    from host.serve import people

    answer = {"email": email, "password": people.reset_password(data, email)}
    output.show(answer, as_json, lambda a: output.fields(a.items()))


@user.command("list")
@output.as_json
@signed_in
def list_(client: Client, as_json: bool) -> None:
    """List people.

    \b
    Example:
      mpfleet user list
    """
    output.show(client.get("/users"), as_json, _people_text)


def find(client: Client, email: str) -> dict[str, Any]:
    """A person by address. Raises: ToolError."""
    wanted = email.strip().lower()
    found = [one for one in client.get("/users") if one["email"] == wanted]
    if not found:
        raise ToolError(f"nobody has an account as {wanted}: mpfleet user list")
    return found[0]


def _change(client: Client, email: str, what: dict[str, Any], as_json: bool) -> None:
    answer = client.send("PATCH", f"/users/{find(client, email)['id']}", what)
    output.show(answer, as_json, lambda one: _people_text([one]))


def _people_text(found: list[dict[str, Any]]) -> str:
    return output.table(_COLUMNS, found)


def _invitations_text(found: list[dict[str, Any]]) -> str:
    return output.table(_INVITATION, found)


def _link_text(one: dict[str, Any]) -> str:
    return f"{one['url']}\nfor {one['email']}, good once until {one['expires_at']}"
