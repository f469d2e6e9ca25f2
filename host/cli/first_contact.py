"""Which CA a host is trusted by at sign-in: one given, one of this machine, or by asking."""

from pathlib import Path
from typing import NamedTuple

import click

from host.cli import trust


class Trust(NamedTuple):
    """A CA and the reason for it."""

    ca: str
    why: str


def choose(url: str, ca: Path | None, data: Path | None, fingerprint: str | None) -> Trust:
    """The CA by what was given; else that of the data folder; else by asking, once."""
    local = trust.local_ca(url, data) if not (ca or fingerprint) else ""
    if ca:
        return Trust(ca.read_text(), f"the CA in {ca}")
    if local and (data or _answers(url, local)):
        return Trust(local, "the CA in this machine's data folder")
    offered = trust.ask(url)["ca"]
    shown = trust.fingerprint(offered)
    if fingerprint:
        if _bare(fingerprint) != _bare(shown):
            raise trust.TrustError(f"{url} offers a CA with the fingerprint {shown}: not trusted")
    else:
        _confirm(url, shown)
    return Trust(offered, f"the CA {shown[:23]}…")


def _answers(url: str, ca: str) -> bool:
    """Whether the host at this URL belongs to the CA lying in ./data: it may be another's."""
    try:
        return bool(trust.ask(url, ca))
    except trust.TrustError:
        return False


def _confirm(url: str, shown: str) -> None:
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


def name_of(url: str, chosen: Trust) -> str:
    """The fleet's name, from a host that holds this CA's key."""
    return str(trust.ask(url, chosen.ca)["name"])


def _bare(fingerprint: str) -> str:
    return fingerprint.replace(":", "").replace(" ", "").lower()
