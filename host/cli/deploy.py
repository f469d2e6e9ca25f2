"""`mpfleet deploy`: set up a board on a serial port."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from host.cli import output, plan
from host.cli.session import signed_in

if TYPE_CHECKING:
    from host.cli.client import Client


@click.command()
@click.option("--port", required=True, help="Serial port, such as /dev/ttyUSB0 or COM3.")
@click.option("--product", help="What the board is for.")
@click.option(
    "--example",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="App folder: its product and settings; its first release is made if there is none.",
)
@click.option(
    "--release", "number", type=int, help="First release of the board. [default: newest]"
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
@click.option("--no-claim", is_flag=True, help="The board does not become yours at once.")
@click.option(
    "--wait",
    "wait_s",
    type=float,
    default=120,
    show_default=True,
    help="Seconds to see it come online; 0 does not look.",
)
@output.as_json
@signed_in
def deploy(client: Client, port: str, as_json: bool, **options: Any) -> None:
    """Set up a board that runs MicroPython (1.25 or newer), and see it come online.

    Copies boot.py, main.py, the runtime and the first release, only what changed; then WiFi,
    host address, CA and a one-time token that makes the board yours. It can be repeated.
    --config app.KEY=VALUE sets the application's own settings.

    \b
    Examples:
      mpfleet deploy --port /dev/ttyUSB0 --product blink --wifi home
      mpfleet deploy --port /dev/ttyUSB0 --example examples/blink --wifi home:secret12
    """
    from host import deploy as deploying
    from host.cli.steps import Steps

    chosen = plan.of(client, port=port, **options)
    with Steps(is_quiet=as_json) as report:
        outcome = deploying.deploy(port, chosen, client, report)
    shown = {
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
