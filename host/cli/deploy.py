"""`mpfleet deploy`: set up boards on serial ports."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from host.cli import output, plan, port
from host.cli.session import signed_in

if TYPE_CHECKING:
    from host.cli.client import Client
    from host.cli.several import Row
    from host.deploy import Outcome, Plan, Report

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option(
    "--port",
    "ports",
    multiple=True,
    help="Serial port: /dev/ttyUSB0, COM3, socket://HOST:PORT, rfc2217://HOST:PORT; may be "
    "repeated. [default: the only one, or asked for]",
)
@click.option("--all", "is_all", is_flag=True, help="Every board on USB, at the same time.")
@click.option("--product", help="What the board is for.")
@click.option(
    "--example",
    "folder",
    type=_FOLDER,
    help="App folder: its product and settings; its first release is made if there is none.",
)
@click.option(
    "--release", "number", type=int, help="First release of the board. [default: newest]"
)
@click.option(
    "--firmware",
    type=_FILE,
    help="MicroPython to flash first: a .bin for this chip; one for a single app is laid out "
    "for two.",
)
@click.option("--wifi", multiple=True, metavar="SSID[:PASSWORD]", help="May be repeated.")
@click.option(
    "--wifi-password",
    envvar="MPFLEET_WIFI_PASSWORD",
    help="Password of every --wifi without one; else it is asked for. SSID: is an open network, "
    "and so is SSID where nobody can be asked.",
)
@click.option("--host-address", "addresses", multiple=True, help="As boards reach the host.")
@click.option("--host-port", type=click.IntRange(1, 65535), help="HTTPS, as boards reach it.")
@click.option("--mqtt-port", type=click.IntRange(1, 65535), help="MQTT, as boards reach it.")
@click.option("--model", help="Board model, where the firmware does not say it.")
@click.option(
    "--watchdog",
    "watchdog_s",
    type=click.IntRange(0, 3600),
    help="Period of its watchdog in seconds, 0 for none. [default: what it has, 90 at first]",
)
@click.option(
    "--config",
    "config",
    multiple=True,
    metavar="KEY=VALUE",
    help="A field of the board's config.json, such as poll_s=600.",
)
@click.option(
    "--claim/--no-claim", "claims", default=True, help="Whether it becomes yours at once."
)
@click.option(
    "--new-identity",
    is_flag=True,
    help="The board makes itself a new secret, and the host takes it. [default: it keeps its own]",
)
@click.option(
    "--provisioning",
    type=click.Choice(("open", "button", "off")),
    help="Who may give it WiFi by Bluetooth: anybody for ten minutes in all, then who presses its "
    "BOOT button; only who presses it; nobody. [default: what it has, open at first]",
)
@click.option(
    "--paired/--not-paired",
    "is_paired",
    default=None,
    help="Whether a phone must pair with it first. [default: what it has, not at first]",
)
@click.option(
    "--passkey",
    type=click.IntRange(0, 999999),
    help="Number on its label, typed on the phone to pair with it; 0: pair without one.",
)
@click.option(
    "--aioble/--no-aioble",
    "has_aioble",
    default=None,
    help="Whether to install Bluetooth's library. [default: without --wifi, if it can be had]",
)
@click.option(
    "--libs",
    "libraries",
    type=_FOLDER,
    help="Folder with umqtt/ and aioble/, for work without the Internet. [default: lib, filled "
    "from MicroPython's index]",
)
@click.option(
    "--wait",
    "wait_s",
    type=float,
    default=120,
    show_default=True,
    help="Seconds to see it come online; 0 does not look.",
)
@click.option("--yes", "agrees", is_flag=True, help="Agree to what a board may lose.")
@output.as_json
@signed_in
def deploy(
    client: Client,
    ports: tuple[str, ...],
    is_all: bool,
    agrees: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Set up boards: flash MicroPython where asked, and see them come online.

    Copies boot.py, main.py, the runtime and the first release, only what changed; then WiFi,
    host address, CA and a one-time token that makes the board yours. It can be repeated, also
    after it was interrupted: identity, secret and settings stay.
    --config app.KEY=VALUE sets the application's own settings.

    \b
    Examples:
      mpfleet deploy --product blink --wifi home
      mpfleet deploy --firmware ESP32_GENERIC-OTA-v1.26.bin --example examples/blink --wifi home
      mpfleet deploy --all --product blink --wifi home:secret12
    """
    chosen = port.chosen(ports, is_all, may_ask=not as_json)
    wanted = plan.of(client, ports=chosen, **options)
    if len(chosen) == 1 and not is_all:
        _one(client, chosen[0], wanted, agrees, as_json)
    else:
        _several(client.profile, chosen, wanted, agrees, as_json)


def _one(client: Client, path: str, wanted: Plan, agrees: bool, as_json: bool) -> None:
    from host import deploy as deploying
    from host.cli.steps import Steps

    with Steps(is_quiet=as_json) as report:
        ask = _asker(agrees, may_ask=not as_json, before=report.pause)
        outcome = deploying.deploy(path, wanted, client, report, ask)
    shown = {
        "port": path,
        "device": outcome.device,
        "copied": outcome.copied,
        "unchanged": outcome.unchanged,
        "removed": outcome.removed,
        "number": outcome.number,
        "online": outcome.is_online,
    }
    output.show(
        shown,
        as_json,
        lambda s: f"device {s['device']} is {'online' if s['online'] else 'set up'}",
    )


def _several(profile: Any, chosen: list[str], wanted: Plan, agrees: bool, as_json: bool) -> None:
    from host import deploy as deploying
    from host.cli import several
    from host.cli.client import Client

    def one(path: str, report: Report) -> Outcome:
        client = Client(profile)  # a connection is one thread's
        try:
            return deploying.deploy(path, wanted, client, report, lambda _: agrees)
        finally:
            client.close()

    rows = several.run(chosen, one, is_quiet=as_json)
    output.show([row.shown() for row in rows], as_json, lambda _: _table(rows))
    if any(row.error for row in rows):
        sys.exit(1)


def _table(rows: list[Row]) -> str:
    titles = ("PORT", "DEVICE", "STATE", "COPIED", "SECONDS", "WHY")
    found = [row.shown() for row in rows]
    return output.columns(
        titles,
        [
            (r["port"], r["device"], _state(r), r["copied"], r["took_s"], r["message"] or "")
            for r in found
        ],
    )


def _state(row: dict[str, Any]) -> str:
    if row["error"]:
        return f"failed ({row['step']})"
    return "online" if row["online"] else "set up"


def _asker(agrees: bool, may_ask: bool, before: Callable[[], None]) -> Callable[[str], bool]:
    """--yes, a person at the terminal, or no."""

    def ask(what: str) -> bool:
        if agrees or not (may_ask and port.is_interactive()):
            return agrees
        before()
        return click.confirm(f"{what}. Go on?", default=False, err=True)

    return ask
