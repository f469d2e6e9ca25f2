"""`mpfleet user`: who may sign in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from host.cli import data_folder, output
from host.cli.session import signed_in
from host.services import permissions

if TYPE_CHECKING:
    from host.cli.client import Client


@click.group()
def user() -> None:
    """Add and list people (admins only); give one another password."""


@user.command()
@click.argument("email")
@click.option(
    "--role",
    type=click.Choice(permissions.ROLES),
    help="What they may do. [default: operator]",
)
@output.as_json
@signed_in
def add(client: Client, email: str, role: str | None, as_json: bool) -> None:
    """Add a person; the password is shown once.

    \b
    Example:
      mpfleet user add ada@example.org --role operator
    """
    answer = client.send("POST", "/users", {"email": email, **({"role": role} if role else {})})
    output.show(answer, as_json, lambda a: output.fields(a.items()))


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
    found = client.get("/users")
    output.show(
        found,
        as_json,
        lambda users: output.columns(("EMAIL", "ROLE"), [(u["email"], u["role"]) for u in users]),
    )
