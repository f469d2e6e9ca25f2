"""`mpfleet login` and `logout`: who one is at which host, and why that host is trusted."""

from __future__ import annotations

import sys
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING

import click

from host.cli import output

if TYPE_CHECKING:
    from host.cli.profile import Profile


@click.command()
@click.argument("url")
@click.option("--email", help="Account; asked for where it is not given.")
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File that holds the password in its first line.",
)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option(
    "--ca",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The fleet's CA certificate (PEM), got from someone you trust.",
)
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Data folder of mpfleet serve on this machine: its CA is trusted.",
)
@click.option("--fingerprint", help="SHA-256 that the fleet's CA must have.")
@click.option(
    "--new-root",
    is_flag=True,
    help="Trust the root that the host has now, whatever was trusted before.",
)
@click.option("--token-name", default="mpfleet command line", help="Name of the token made.")
@output.as_json
@click.pass_context
def login(
    context: click.Context,
    url: str,
    email: str | None,
    password_file: Path | None,
    password_stdin: bool,
    ca: Path | None,
    data: Path | None,
    fingerprint: str | None,
    new_root: bool,
    token_name: str,
    as_json: bool,
) -> None:
    """Sign in at a host, once.

    What is stored is a token, the fleet's CA and the root that approvals are verified from,
    where only you can read it. From then on only a host that proves to be this fleet by this
    CA is spoken to.

    \b
    Examples:
      mpfleet login https://127.0.0.1:8443
      mpfleet login https://fleet.example.org --ca ca.pem --email me@example.org
      mpfleet login https://10.0.0.5:8443 --password-stdin --fingerprint 3F:02:… < password
    """
    from host.cli import first_contact, verified
    from host.cli import profile as profiles
    from host.cli.client import Client  # late: requests takes 100 ms

    url = url.rstrip("/")
    trust = first_contact.choose(url, ca, data, fingerprint)
    name = first_contact.name_of(url, trust)
    client = Client(profiles.Profile(url, name, trust.ca))
    email = email or click.prompt("E-mail", err=True)
    password = _password(password_file, password_stdin)
    asked = {"email": email, "password": password, "name": token_name}
    answer = client.send("POST", "/tokens", asked)
    user = answer["user"]
    before = _before(context.obj)
    profile = profiles.Profile(url, name, trust.ca, answer["token"], user["email"])
    place = profiles.save(context.obj, profile)
    if new_root or not _is_same_fleet(before, trust.ca):
        verified.forget(context.obj)
    root = client.fleet().get("root")
    root_shown = verified.keep_root(context.obj, b64decode(root)) if root else ""
    shown = {
        "root": root_shown,
        "url": url,
        "fleet": name,
        **user,
        "profile": context.obj,
        "file": str(place),
    }
    output.show(
        shown,
        as_json,
        lambda s: (
            f"signed in at {url} as {s['email']} ({s['role']}); trusting {trust.why}"
            + (f"\napprovals are verified from the root {s['root']}" if s["root"] else "")
        ),
    )


@click.command()
@click.pass_context
def logout(context: click.Context) -> None:
    """Sign out: the token of a profile is void on the host, and forgotten here.

    \b
    Example:
      mpfleet logout
    """
    from host.cli import profile as profiles

    advice = _revoke(context.obj)
    was_there = profiles.remove(context.obj)
    click.echo("signed out" if was_there else "nobody was signed in")
    if advice:
        click.echo(advice, err=True)


def _revoke(name: str) -> str:
    """Void the token of a profile on its host; where that failed, what to do about it."""
    from host.cli import profile as profiles
    from host.cli.client import ApiError, Client

    try:
        profile = profiles.load(name)
    except profiles.ProfileError:
        return "the profile was damaged: to void its token, mpfleet login and mpfleet token list"
    if profile is None:
        return ""
    client = Client(profile)
    try:
        client.send("DELETE", "/tokens/current")
    except ApiError as error:
        if error.code != "bad-credentials":  # then it was void already
            return f"its token is good still, until mpfleet token revoke: {error}"
    finally:
        client.close()
    return ""


def _before(name: str) -> Profile | None:
    from host.cli import profile as profiles

    try:
        return profiles.load(name)
    except profiles.ProfileError:  # damaged: this sign-in replaces it
        return None


def _is_same_fleet(before: Profile | None, ca: str) -> bool:
    return before is not None and before.ca.strip() == ca.strip()


def _password(file: Path | None, is_stdin: bool) -> str:
    if file:
        return file.read_text().split("\n")[0]
    if is_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return click.prompt("Password", hide_input=True, err=True)
