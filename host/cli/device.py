"""`mpfleet device`: what boards there are, and whose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from host.cli import output
from host.cli.session import signed_in

if TYPE_CHECKING:
    from host.cli.client import Client


@click.group()
def device() -> None:
    """See and change devices. DEVICE is an id or a name."""


@device.command("list")
@click.option("--product", help="Only of this product.")
@output.as_json
@signed_in
def list_(client: Client, product: str | None, as_json: bool) -> None:
    """List devices.

    \b
    Example:
      mpfleet device list --json
    """
    found = [d for d in client.devices() if product in (None, d["product"])]
    output.show(found, as_json, _list_text)


@device.command()
@click.argument("reference", metavar="DEVICE")
@output.as_json
@signed_in
def show(client: Client, reference: str, as_json: bool) -> None:
    """Show a device and its last reports.

    \b
    Example:
      mpfleet device show kitchen
    """
    one = client.device(reference)
    reports = client.get(f"/devices/{one['id']}/reports")
    output.show({**one, "reports": reports}, as_json, _device_text)


@device.command("update-now")
@click.argument("references", metavar="DEVICE...", nargs=-1, required=True)
@signed_in
def update_now(client: Client, references: tuple[str, ...]) -> None:
    """Tell boards to ask for an update at once.

    \b
    Example:
      mpfleet device update-now kitchen garden
    """
    for reference in references:
        one = client.device(reference)
        client.send("POST", f"/devices/{one['id']}/update-now")
        told = "told" if one["online"] else "offline, it asks when it is back"
        click.echo(f"{label(one)}: {told}")


@device.command()
@click.argument("reference", metavar="DEVICE")
@click.argument("name")
@output.as_json
@signed_in
def rename(client: Client, reference: str, name: str, as_json: bool) -> None:
    """Give a device another name.

    \b
    Example:
      mpfleet device rename 24a160000001 kitchen
    """
    one = client.device(reference)
    show_one(client.send("PATCH", f"/devices/{one['id']}", {"name": name}), as_json)


@device.command("label")
@click.argument("reference", metavar="DEVICE")
@click.option("--tag", "tags", multiple=True, help="All its tags from now on; may be repeated.")
@click.option("--no-tags", is_flag=True, help="No tags any more.")
@click.option("--timezone", help="Where its clock is, like Europe/Berlin: for rollouts' windows.")
@output.as_json
@signed_in
def label_(
    client: Client,
    reference: str,
    tags: tuple[str, ...],
    no_tags: bool,
    timezone: str | None,
    as_json: bool,
) -> None:
    """Give a device tags and a time zone, which rollouts go by.

    \b
    Example:
      mpfleet device label kitchen --tag indoors --tag test-bench --timezone Europe/Berlin
    """
    value: dict[str, Any] = {"tags": list(tags)} if tags or no_tags else {}
    if timezone:
        value["timezone"] = timezone
    if not value or (tags and no_tags):
        raise click.UsageError("give --tag or --no-tags, or --timezone")
    show_one(client.send("PATCH", f"/devices/{client.device(reference)['id']}", value), as_json)


@device.command()
@click.argument("reference", metavar="DEVICE")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output.as_json
@signed_in
def retire(client: Client, reference: str, yes: bool, as_json: bool) -> None:
    """Shut a device out: its secret no longer works, its session ends.

    \b
    Example:
      mpfleet device retire kitchen --yes
    """
    one = client.device(reference)
    if not yes:
        question = f"Shut {label(one)} out? Only a deploy over USB brings it back."
        click.confirm(question, abort=True, err=True)
    show_one(client.send("DELETE", f"/devices/{one['id']}"), as_json)


def label(one: dict[str, Any]) -> str:
    """What a device is called: its name, else its id."""
    return one["name"] or one["id"]


def show_one(one: dict[str, Any], as_json: bool) -> None:
    """Print a device."""
    output.show(one, as_json, _device_text)


_LIST = ("id", "name", "product", "state", "online", "number", "mode", "last_seen_at")
_SHOW = (
    *("id", "name", "owner", "group", "product", "model", "mac", "state", "online", "number"),
    *("version", "slot", "mode", "firmware", "tags", "timezone", "registered_at", "last_seen_at"),
)


def _list_text(found: list[dict[str, Any]]) -> str:
    if not found:
        return "no devices yet: mpfleet deploy --port PORT"
    rows = [[*(_shown(d)[n] for n in _LIST), update_text(d)] for d in found]
    return output.columns([*output.titles(_LIST), "UPDATE"], rows)


def update_text(one: dict[str, Any]) -> str:
    """The newest assignment in a few words."""
    assignment = one["assignment"]
    if not assignment:
        return "-"
    reason = f" ({assignment['reason']})" if assignment["reason"] else ""
    return f"{assignment['number']} {assignment['state']}{reason}"


def _shown(one: dict[str, Any]) -> dict[str, Any]:
    """A device whose number says it where what runs is no release."""
    return {**one, "number": "unmanaged"} if one["unmanaged"] else one


def _device_text(one: dict[str, Any]) -> str:
    text = output.fields([*((n, _shown(one)[n]) for n in _SHOW), ("update", update_text(one))])
    for report in one.get("reports", ())[:5]:
        words = (report.get(n) for n in ("kind", "number", "outcome", "reason", "detail"))
        text += "\nreport  " + " ".join(str(w) for w in words if w not in (None, ""))
        if report.get("traceback"):
            text += "\n" + report["traceback"].rstrip()
    return text
