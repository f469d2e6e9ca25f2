"""`mpfleet login` and `logout`: who one is at which host, and why that host is trusted."""

import sys
from pathlib import Path
from typing import NamedTuple

import click

from host.cli import output


class _Trust(NamedTuple):
    """A CA and the reason for it."""

    ca: str
    why: str


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
    token_name: str,
    as_json: bool,
) -> None:
    """Sign in at a host, once.

    What is stored is a token and the fleet's CA, in a file that only you can read. From then
    on only a host that proves to be this fleet by this CA is spoken to.

    \b
    Examples:
      mpfleet login https://127.0.0.1:8443
      mpfleet login https://fleet.example.org --ca ca.pem --email me@example.org
      mpfleet login https://10.0.0.5:8443 --password-stdin --fingerprint 3F:02:… < password
    """
    from host.cli import profile as profiles
    from host.cli.client import Client  # late: requests takes 100 ms

    url = url.rstrip("/")
    trust = _choose(url, ca, data, fingerprint)
    name = _name_of(url, trust)
    client = Client(profiles.Profile(url, name, trust.ca))
    email = email or click.prompt("E-mail", err=True)
    password = _password(password_file, password_stdin)
    asked = {"email": email, "password": password, "name": token_name}
    answer = client.send("POST", "/tokens", asked)
    user = answer["user"]
    profile = profiles.Profile(url, name, trust.ca, answer["token"], user["email"])
    place = profiles.save(context.obj, profile)
    shown = {"url": url, "fleet": name, **user, "profile": context.obj, "file": str(place)}
    output.show(
        shown,
        as_json,
        lambda s: f"signed in at {url} as {s['email']} ({s['role']}); trusting {trust.why}",
    )


@click.command()
@click.pass_context
def logout(context: click.Context) -> None:
    """Forget the token and CA of a profile.

    \b
    Example:
      mpfleet logout
    """
    from host.cli import profile as profiles

    was_there = profiles.remove(context.obj)
    click.echo("signed out" if was_there else "nobody was signed in")


def _choose(url: str, ca: Path | None, data: Path | None, fingerprint: str | None) -> _Trust:
    """The CA by what was given; else that of the data folder; else by asking, once."""
    from host.cli import trust

    local = trust.local_ca(url, data) if not (ca or fingerprint) else ""
    if ca:
        return _Trust(ca.read_text(), f"the CA in {ca}")
    if local and (data or _answers(url, local)):
        return _Trust(local, "the CA in this machine's data folder")
    offered = trust.ask(url)["ca"]
    shown = trust.fingerprint(offered)
    if fingerprint:
        if _bare(fingerprint) != _bare(shown):
            raise trust.TrustError(f"{url} offers a CA with the fingerprint {shown}: not trusted")
    else:
        _confirm(url, shown)
    return _Trust(offered, f"the CA {shown[:23]}…")


def _answers(url: str, ca: str) -> bool:
    """Whether the host at this URL belongs to the CA lying in ./data: it may be another's."""
    from host.cli import trust

    try:
        return bool(trust.ask(url, ca))
    except trust.TrustError:
        return False


def _confirm(url: str, shown: str) -> None:
    from host.cli import trust

    click.echo(f"The CA of {url} has the SHA-256 fingerprint\n  {shown}", err=True)
    click.echo("mpfleet serve prints it on the host's own screen.", err=True)
    try:
        is_same = click.confirm("Is it the same?", default=False, err=True)
    except click.Abort:  # nobody there to be asked
        is_same = False
    if not is_same:
        raise trust.TrustError(
            "not trusted, nothing was sent; --ca or --fingerprint say whom to trust"
        )


def _name_of(url: str, chosen: _Trust) -> str:
    """The fleet's name, from a host that holds this CA's key."""
    from host.cli import trust

    return str(trust.ask(url, chosen.ca)["name"])


def _bare(fingerprint: str) -> str:
    return fingerprint.replace(":", "").replace(" ", "").lower()


def _password(file: Path | None, is_stdin: bool) -> str:
    if file:
        return file.read_text().split("\n")[0]
    if is_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return click.prompt("Password", hide_input=True, err=True)
