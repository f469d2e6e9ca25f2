"""`mpfleet rollout`: releases on their way to many devices, in waves."""

from __future__ import annotations

import json
import re
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from host.cli import output
from host.cli.approve import only_product
from host.cli.session import signed_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from host.cli.client import Client

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TRACEBACK_LINES = 6
_IDS_SHOWN = 6
_POLL_S = 1


class Duration(click.ParamType):
    """Seconds, given as 90, 90s, 10m, 2h or 1d."""

    name = "duration"

    def convert(self, value: Any, param: Any, context: Any) -> int:
        """The seconds."""
        found = re.fullmatch(r"(\d{1,9})([smhd]?)", str(value))
        if not found:
            self.fail(f"{value!r} is no duration like 90s, 10m, 2h or 1d", param, context)
        return int(found[1]) * _UNITS.get(found[2], 1)


class Percentages(click.ParamType):
    """Percentages with commas between."""

    name = "percentages"

    def convert(self, value: Any, param: Any, context: Any) -> list[int]:
        """The numbers."""
        parts = str(value).split(",")
        if not all(re.fullmatch(r"\s*\d{1,3}\s*%?\s*", part) for part in parts):
            self.fail(f"{value!r} is not like 10,30,60", param, context)
        return [int(part.strip(" %")) for part in parts]


@click.group()
def rollout() -> None:
    """Bring a release to many devices: a few first, then more, as long as it goes well."""


_DURATION = Duration()
_OPTIONS = (
    click.option("--canary", type=int, help="Devices of the first wave. [default: 1]"),
    click.option("--canary-tag", help="The first wave are those with this tag."),
    click.option(
        "--waves", type=Percentages(), help="Shares of the others. [default: 10,30,60]"
    ),
    click.option("--success", type=int, help="Percent of a wave that must take it. [default: 90]"),
    click.option("--soak", "soak_s", type=_DURATION, help="Wait after a wave. [default: 10m]"),
    click.option("--failures", type=int, help="So many failures pause it. [default: 3]"),
    click.option(
        "--failure-rate", type=int, help="So many percent of a wave pause it. [default: 20]"
    ),
    click.option("--in-flight", type=int, help="Devices under way at a time. [default: 100]"),
    click.option(
        "--silent", "silent_s", type=_DURATION,
        help="Unheard for so long: away, or lost if it had begun. [default: 2h]",
    ),
    click.option(
        "--deadline", "deadline_s", type=_DURATION, help="For one device. [default: 1d]"
    ),
    click.option("--end-after", "days", type=int, help="Days until it ends. [default: 30]"),
    click.option("--start", "starts_at", help="Begin then: 2026-12-01T02:00+01:00."),
)  # fmt: skip


def _plan_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@rollout.command()
@click.argument("number", type=int)
@click.option("--product", help="Product of the release. [default: the only one]")
@click.option("--tag", "tags", multiple=True, help="Only devices with this tag, or another given.")
@click.option("--group", help="Only devices of this group.")
@click.option("--device", "references", multiple=True, help="Only this one; may be repeated.")
@click.option("--percent", type=int, help="Only so many percent of those.")
@_plan_options
@click.option("--window", help="Hours of a device's own day: 02:00-05:00.")
@click.option("--days", "weekdays", help="Days on which the window opens: mon,tue,…")
@click.option("--reason", default="", help="Why; it stays on the record.")
@click.option("--dry-run", is_flag=True, help="Print the waves; begin nothing.")
@output.as_json
@signed_in
def create(
    client: Client,
    number: int,
    product: str | None,
    tags: tuple[str, ...],
    group: str | None,
    references: tuple[str, ...],
    percent: int | None,
    window: str | None,
    weekdays: str | None,
    reason: str,
    dry_run: bool,
    as_json: bool,
    **plan: Any,
) -> None:
    """Begin a rollout of an approved release.

    Without --tag, --group or --device it is for every device of the product that is yours. It
    pauses by itself where boards fail.

    \b
    Examples:
      mpfleet rollout create 4 --product blink --dry-run
      mpfleet rollout create 4 --canary-tag test-bench --waves 10,90 --soak 1h
      mpfleet rollout create 4 --tag outdoors --window 02:00-05:00
    """
    target: dict[str, Any] = {"tags": list(tags), "group": group, "percent": percent}
    target["devices"] = [client.device(reference)["id"] for reference in references]
    if window or weekdays:
        plan["window"] = _window(window, weekdays)
    value = {
        "product": product or only_product(client),
        "number": number,
        "target": _given(target),
        "plan": _given(plan),
        **({"reason": reason} if reason else {}),
        **({"dry_run": True} if dry_run else {}),
    }
    made = client.send("POST", "/rollouts", value)
    output.show(made, as_json, _draft_text if dry_run else _text)


@rollout.command("list")
@output.as_json
@signed_in
def list_(client: Client, as_json: bool) -> None:
    """List rollouts, newest first.

    \b
    Example:
      mpfleet rollout list
    """
    output.show(client.get("/rollouts"), as_json, _list_text)


@rollout.command()
@click.argument("rollout_id", metavar="ID", type=int)
@click.option("--devices", is_flag=True, help="Each device, too.")
@output.as_json
@signed_in
def show(client: Client, rollout_id: int, devices: bool, as_json: bool) -> None:
    """Show a rollout: its waves, and what went wrong, boards that fail alike together.

    \b
    Examples:
      mpfleet rollout show 7
      mpfleet rollout show 7 --devices
    """
    shown = client.get(f"/rollouts/{rollout_id}")
    if devices:
        shown["places"] = client.get(f"/rollouts/{rollout_id}/devices")
    output.show(shown, as_json, _text)


@rollout.command()
@click.argument("rollout_id", metavar="ID", type=int)
@click.option("--json", "as_json", is_flag=True, help="Print each change as a line of JSON.")
@signed_in
def watch(client: Client, rollout_id: int, as_json: bool) -> None:
    """Follow a rollout until it ends, or is paused; a line for each change.

    Exit status 0 only if it is finished. Ctrl-C stops watching, not the rollout.

    \b
    Example:
      mpfleet rollout create 4 && mpfleet rollout watch 7
    """
    last = None
    while True:
        shown = client.get(f"/rollouts/{rollout_id}")
        line = json.dumps({name: shown[name] for name in _WATCHED}) if as_json else _line(shown)
        if line != last:
            click.echo(output.plain(line))
            last = line
        if shown["state"] not in ("running", "scheduled"):
            sys.exit(0 if shown["state"] == "finished" else 1)
        _pause()


def _pause() -> None:
    time.sleep(_POLL_S)


def _action(name: str, summary: str) -> None:
    def run(client: Client, rollout_id: int, reason: str, as_json: bool) -> None:
        value = {"reason": reason} if reason else {}
        output.show(client.send("POST", f"/rollouts/{rollout_id}/{name}", value), as_json, _text)

    run.__doc__ = f"{summary}\n\n\b\nExample:\n  mpfleet rollout {name} 7"
    command = output.as_json(signed_in(run))
    command = click.option("--reason", default="", help="Why; it stays on the record.")(command)
    command = click.argument("rollout_id", metavar="ID", type=int)(command)
    rollout.command(name)(command)


_action("pause", "Offer it to nobody for now; what boards have begun they end.")
_action("resume", "Go on. Failures until now pause it no more.")
_action("abort", "End it. What boards have begun they end.")
_action("retry", "Offer it again to those that failed, and go on.")
_action("promote", "Begin the next wave now, and go on.")


def _given(value: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in value.items() if one not in (None, [], ())}


def _window(hours: str | None, weekdays: str | None) -> dict[str, Any]:
    begin, dash, end = (hours or "").partition("-")
    if not dash:
        raise click.UsageError("--window is FROM-TO, like 02:00-05:00; --days goes with it")
    days = {"days": weekdays.lower().split(",")} if weekdays else {}
    return {"from": begin.strip(), "to": end.strip(), **days}


def _draft_text(made: dict[str, Any]) -> str:
    count = sum(map(len, made["waves"]))
    lines = [f"release {made['number']} of {made['product']} would go to {count} devices:"]
    for name, wave in zip(made["names"], made["waves"], strict=True):
        more = f" and {len(wave) - _IDS_SHOWN} more" if len(wave) > _IDS_SHOWN else ""
        ids = ", ".join(wave[:_IDS_SHOWN]) + more
        lines.append(f"  {name:8} {len(wave):5}  {ids}".rstrip())
    if made["held"]:
        lines.append(f"not offered, for it failed there: {', '.join(made['held'])} (see retry)")
    return "\n".join(lines)


_WATCHED = ("state", "why", "wave", "done", "failed", "open", "waiting", "away", "devices")


def _line(one: dict[str, Any]) -> str:
    counts = ", ".join(f"{one[name]} {name}" for name in _WAVES[1:6] if one[name])
    wave = one["waves"][one["wave"]]["name"]
    why = f": {one['explanation']}" if one["explanation"] else ""
    return f"{one['state']}, {wave}; {counts} of {one['devices']}{why}"


_LIST = ("id", "product", "number", "state", "devices", "done", "failed", "open", "created_at")
_WAVES = ("devices", "done", "failed", "open", "waiting", "away", "out")


def _list_text(found: list[dict[str, Any]]) -> str:
    if not found:
        return "no rollouts yet: mpfleet rollout create NUMBER --dry-run"
    return output.table((*_LIST, "why"), found)


def _text(one: dict[str, Any]) -> str:
    head = f"rollout {one['id']}: release {one['number']} of {one['product']}, {one['state']}"
    why = f": {one['explanation']}" if one["explanation"] else ""
    rows = [
        [wave["name"] + (" *" if n == one["wave"] else ""), *(wave[name] for name in _WAVES)]
        for n, wave in enumerate(one["waves"])
    ]
    titles = ["WAVE", *(name.upper() for name in _WAVES)]
    parts = [head + why, output.columns(titles, rows), *map(_failure_text, one["failures"])]
    return "\n".join(parts + [_place_text(place) for place in one.get("places", ())])


def _failure_text(one: dict[str, Any]) -> str:
    boards = "1 board" if one["count"] == 1 else f"{one['count']} boards"
    more = ", …" if one["count"] > len(one["devices"]) else ""
    line = f"! {boards}: {one['reason']}: {', '.join(one['devices'])}{more}"
    said = (one["traceback"] or one["detail"] or "").rstrip().splitlines()
    return "\n".join([line, *(f"    {text}" for text in said[-_TRACEBACK_LINES:])])


def _place_text(one: dict[str, Any]) -> str:
    assignment = one["assignment"]
    stage = assignment["stage"] if assignment else one["state"]
    reason = f" ({assignment['reason']})" if assignment and assignment["reason"] else ""
    return f"{one['device']}  wave {one['wave']}  {one['state']}  {stage}{reason}"
