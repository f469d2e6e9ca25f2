"""Composing, showing and signing what a proposal changes: the same for releases and for keys."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from host.builder.errors import ToolError
from host.cli import output, own_keys, verified

if TYPE_CHECKING:
    from host.cli.client import Client
    from host.metadata.changes import Change


class NotSignedError(ToolError):
    """Nothing was signed."""

    code = "not-signed"


def sign(
    client: Client,
    profile: str,
    proposal: dict[str, Any],
    *,
    agrees: bool,
    key: Path | None,
    held: bool,
    passphrase_file: Path | None,
    passphrase: str = "",
    says: list[str] | None = None,
) -> dict[str, Any]:
    """Show what a proposal changes, ask, sign, upload; the proposal as it stands then.

    Raises:
        NotSignedError: nobody agreed, or no key here or at the host may sign it.
    """
    from host.metadata import changes, parts, periods

    trusted = verified.trusted(client, profile)
    change = of(client, proposal)
    made = changes.compose(trusted, change)
    alarms = periods.alarms(trusted.expiries(), datetime.now(UTC))
    lines = [*(f"! {alarm}" for alarm in alarms), *(says or [])]
    lines += changes.difference(trusted, made, change)
    click.echo(output.plain("\n".join(lines)), err=True)
    if not changes.is_plausible(change, datetime.now(UTC)):
        raise NotSignedError(
            f"the host says this was proposed at {change.issued:%Y-%m-%d %H:%M}: is a clock wrong?"
        )
    _agree(agrees)
    seats = parts.seats(trusted, made)
    keyids = {keyid for found in seats.values() for seat in found for keyid in seat.keys}
    if not key:  # one that only this very change would name signs if it is given
        keyids &= trusted.root.keys.keys()
    mine = [] if held else own_keys.find(keyids, key)
    where = f"/proposals/{proposal['id']}/signatures"
    if not mine and key:
        raise NotSignedError(f"the fleet's root does not name the key in {key}")
    if mine:
        signatures = [
            one for path in mine for one in _signatures(path, passphrase_file, seats, made)
        ]
        done = client.send("POST", where, {"signatures": signatures, "base": change.base})
    else:
        what = "Passphrase of the fleet's keys"
        text = passphrase or own_keys.ask_passphrase(what, passphrase_file)
        done = client.send("POST", where, {"passphrase": text, "base": change.base})
    if done["state"] == "signed":
        verified.trusted(client, profile)  # is it so? And from now on nothing older will do
    return done


def _signatures(path: Path, passphrase_file: Path | None, seats: Any, made: Any) -> list[Any]:
    """Signatures with one key over each part that it may sign."""
    from host.metadata import parts

    text = own_keys.ask_passphrase(f"Passphrase of {path.name}", passphrase_file)
    signer = own_keys.unseal(path, text)
    names = [
        role
        for role, found in seats.items()
        if any(signer.public_key.keyid in seat.keys for seat in found)
    ]
    signed = [(role, *parts.sign(signer, made[role])) for role in names]
    return [{"role": role, "keyid": keyid, "sig": one} for role, keyid, one in signed]


def of(client: Client, proposal: dict[str, Any]) -> Change:
    """The change that a proposal asks for, its target taken from where it is kept."""
    import json

    from host.metadata import changes

    target: dict[str, Any] = {}
    if proposal["kind"] in ("approve", "withdraw"):
        product, number = proposal["product"], proposal["number"]
        target["path"] = changes.path_of(product, number)
    if proposal["kind"] == "approve":
        content = client.manifest(product, number)
        custom = changes.custom(product, number, json.loads(content)["boards"])
        target |= {"content": content, "custom": custom}
    if proposal["kind"] == "fleet":
        target = {"path": changes.FLEET, "content": proposal["fleet"].encode()}
    return changes.Change(
        kind=proposal["kind"],
        base=proposal["base"],
        version=proposal["version"],
        issued=changes.moment(proposal["issued"]),
        removals=tuple(proposal["removals"]),
        add=tuple((role, public) for role, public in proposal["add"]),
        remove=tuple(proposal["remove"]),
        thresholds=proposal["thresholds"],
        **target,
    )


def standing(proposal: dict[str, Any]) -> str:
    """How far a proposal is, in a sentence."""
    if proposal["state"] != "open":
        return {"signed": "signed and published"}.get(proposal["state"], proposal["state"])
    waits = [
        f"{role}: {len(seat['signed'])} of {seat['threshold']}"
        + (f" ({', '.join(seat['signed'])})" if seat["signed"] else "")
        for role, seats in proposal["needs"].items()
        for seat in seats
        if len(seat["signed"]) < seat["threshold"]
    ]
    return f"waits for signatures, {'; '.join(waits)}"


def _agree(agrees: bool) -> None:
    if agrees:
        return
    try:
        agrees = click.confirm("Sign this?", default=False, err=True)
    except click.Abort:
        agrees = False
    if not agrees:
        raise NotSignedError("nothing was signed; --yes agrees")
