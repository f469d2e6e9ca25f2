"""`mpfleet device …`: whose a device is, from its claim to its next person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import click

from host.cli import output
from host.cli.device import device, label, show_one
from host.cli.session import signed_in

if TYPE_CHECKING:
    from host.cli.client import Client


@device.command()
@click.argument("code", metavar="CODE|ADDRESS")
@click.option("--device", "device_id", help="Id in the address that the board showed.")
@click.option("--name", help="A name for it.")
@output.as_json
@signed_in
def claim(
    client: Client, code: str, device_id: str | None, name: str | None, as_json: bool
) -> None:
    """Make a registered board yours: by the code it shows, or by the address it gave.

    \b
    Examples:
      mpfleet device claim ABCD-EFGH --name kitchen
      mpfleet device claim "https://192.168.1.10:8443/claim?device=…&code=ABCD-EFGH"
    """
    code, found_id = _parts(code)
    more = {"name": name, "device": device_id or found_id}
    value = {"code": code, **{field: said for field, said in more.items() if said}}
    show_one(client.send("POST", "/devices/claim", value), as_json)


def _parts(text: str) -> tuple[str, str | None]:
    """Code and device of what a board gave: an address, or the code alone."""
    asked = parse_qs(urlsplit(text).query)
    return asked.get("code", [text])[0], asked.get("device", [None])[0]


@device.command("give-back")
@click.argument("reference", metavar="DEVICE")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output.as_json
@signed_in
def give_back(client: Client, reference: str, yes: bool, as_json: bool) -> None:
    """Make a device nobody's. It prints the code by which its next person claims it.

    \b
    Example:
      mpfleet device give-back kitchen --yes
    """
    one = client.device(reference)
    if not yes:
        click.confirm(f"Give {label(one)} back? It is nobody's then.", abort=True, err=True)
    answer = client.send("POST", f"/devices/{one['id']}/give-back")
    output.show(
        answer,
        as_json,
        lambda a: f"{label(one)} is nobody's now; its next person: "
        f"mpfleet device claim {a['claim_code']}",
    )


@device.command()
@click.argument("reference", metavar="DEVICE")
@click.option("--to", "email", metavar="EMAIL", help="Offer it to a person, who has to accept.")
@click.option("--group", help="Give it to a group of yours, at once.")
@click.option("--take-back", is_flag=True, help="Offer it to nobody any more.")
@output.as_json
@signed_in
def transfer(
    client: Client,
    reference: str,
    email: str | None,
    group: str | None,
    take_back: bool,
    as_json: bool,
) -> None:
    """Give a device to somebody else. What an admin gives needs no accepting.

    \b
    Examples:
      mpfleet device transfer kitchen --to ada@example.org
      mpfleet device transfer kitchen --group lab
    """
    if sum((bool(email), bool(group), take_back)) != 1:
        raise click.UsageError("give one of --to, --group and --take-back")
    url = f"/devices/{client.device(reference)['id']}/transfer"
    if take_back:
        answer = client.send("DELETE", url)
    else:
        answer = client.send("POST", url, {"user": email} if email else {"group": group})
    output.show(answer, as_json, _whose)


@device.command()
@output.as_json
@signed_in
def offers(client: Client, as_json: bool) -> None:
    """List the devices that others offer you.

    \b
    Example:
      mpfleet device offers
    """
    output.show(client.get("/offers"), as_json, _offers_text)


@device.command()
@click.argument("device_id", metavar="ID")
@output.as_json
@signed_in
def accept(client: Client, device_id: str, as_json: bool) -> None:
    """Take a device that you were offered.

    \b
    Example:
      mpfleet device accept 24a160000001
    """
    show_one(client.send("POST", f"/offers/{device_id}/accept"), as_json)


@device.command()
@click.argument("device_id", metavar="ID")
@output.as_json
@signed_in
def decline(client: Client, device_id: str, as_json: bool) -> None:
    """Do not take a device that you were offered.

    \b
    Example:
      mpfleet device decline 24a160000001
    """
    answer = client.send("DELETE", f"/offers/{device_id}")
    output.show(answer, as_json, lambda _: f"{device_id}: it stays where it is")


@device.command("new-secret")
@click.argument("reference", metavar="DEVICE")
@output.as_json
@signed_in
def new_secret(client: Client, reference: str, as_json: bool) -> None:
    """Print a token with which the board itself may bring another secret, once, within the hour.

    For a board that lost its flash, or whose secret may be known. With the board on your USB port
    `mpfleet deploy --new-identity` does all of it.

    \b
    Example:
      mpfleet device new-secret kitchen
    """
    one = client.device(reference)
    answer = client.send("POST", "/enrolment-tokens", {"device": one["id"]})
    output.show(answer, as_json, lambda a: output.fields(a.items()))


@device.command()
@click.argument("reference", metavar="DEVICE")
@click.option("--accept/--refuse", "is_accepted", default=None, help="Which secret holds.")
@output.as_json
@signed_in
def resolve(client: Client, reference: str, is_accepted: bool | None, as_json: bool) -> None:
    """Decide a conflict: another board, or yours after an erase, came with another secret.

    \b
    Examples:
      mpfleet device resolve kitchen --accept    you erased it, or gave it a new identity
      mpfleet device resolve kitchen --refuse    you did not: the old secret goes on working
    """
    if is_accepted is None:
        raise click.UsageError("give --accept or --refuse")
    one = client.device(reference)
    url = f"/devices/{one['id']}/resolve-conflict"
    show_one(client.send("POST", url, {"accept": is_accepted}), as_json)


def _whose(one: dict[str, Any]) -> str:
    if one["offered_to"]:
        return f"{label(one)} is offered to {one['offered_to']}, who has a week to accept"
    return f"{label(one)} belongs to {one['group'] or one['owner']}"


def _offers_text(found: list[dict[str, Any]]) -> str:
    if not found:
        return "nobody offers you a device"
    return output.table(("device", "name", "product", "model", "from", "offered_at"), found)
