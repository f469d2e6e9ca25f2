"""`mpfleet deploy`: set up a board on a serial port."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from host.cli import output
from host.cli.session import signed_in

if TYPE_CHECKING:
    from host.cli.client import Client
    from host.deploy import Network, Plan


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
    help="Password of every --wifi without one; else it is asked for. SSID: is an open network.",
)
@click.option("--host-address", "addresses", multiple=True, help="As boards reach the host.")
@click.option("--host-port", type=click.IntRange(1, 65535), help="HTTPS, as boards reach it.")
@click.option("--mqtt-port", type=click.IntRange(1, 65535), help="MQTT, as boards reach it.")
@click.option("--model", help="Board model, where the firmware does not say it.")
@click.option(
    "--watchdog", "watchdog_s", type=click.IntRange(0, 3600), help="Its period, seconds."
)
@click.option("--config", "config", multiple=True, metavar="KEY=VALUE", help="As poll_s=600.")
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

    plan = plan_of(client, **options)
    with Steps(is_quiet=as_json) as report:
        outcome = deploying.deploy(port, plan, client, report)
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


def plan_of(
    client: Client,
    *,
    product: str | None,
    folder: Path | None,
    number: int | None,
    wifi: tuple[str, ...],
    wifi_password: str | None,
    addresses: tuple[str, ...],
    host_port: int | None,
    mqtt_port: int | None,
    model: str | None,
    watchdog_s: int | None,
    config: tuple[str, ...],
    no_claim: bool,
    wait_s: float,
) -> Plan:
    """The plan that the options and the host's own words make."""
    from host.builder import application
    from host.cli import trust
    from host.deploy import Plan

    fleet = client.fleet()
    described = application.read_description(folder) if folder else {}
    product = product or described.get("product") or _only_product(client)
    if folder and number is None and not client.releases(product):
        _release_first(client, folder)
    return Plan(
        product,
        list(addresses) or fleet["addresses"],
        host_port or fleet["port"],
        mqtt_port or fleet["mqtt_port"],
        client.profile.fleet,
        trust.der(client.profile.ca),
        wifi=[network(text, wifi_password) for text in wifi] or None,
        model=model,
        number=number,
        watchdog_s=watchdog_s,
        config=config_of(described.get("settings") or {}, config),
        claims=not no_claim,
        wait_s=wait_s,
    )


def network(text: str, password: str | None) -> Network:
    """`SSID:PASSWORD`, `SSID:` for an open network, `SSID` for one whose password is asked."""
    from host.deploy import Network

    ssid, colon, given = text.partition(":")
    if not ssid:
        raise click.UsageError("--wifi is SSID or SSID:PASSWORD")
    if colon:
        return Network(ssid, given)
    if password is None:
        password = click.prompt(f"Password of WiFi {ssid}", hide_input=True, err=True, default="")
    return Network(ssid, password)


def config_of(settings: dict[str, Any], given: tuple[str, ...]) -> dict[str, Any]:
    """Fields of config.json: the app's own settings, and KEY=VALUE with a JSON value or a text."""
    config: dict[str, Any] = {"app": dict(settings)} if settings else {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise click.UsageError(f"--config is KEY=VALUE, not {text!r}")
        place = config
        if key.startswith("app."):
            key, place = key[4:], config.setdefault("app", {})
        place[key] = _value(value)
    return config


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _only_product(client: Client) -> str:
    products = {release["product"] for release in client.releases()}
    if len(products) != 1:
        raise click.UsageError("give --product NAME or --example FOLDER")
    return products.pop()


def _release_first(client: Client, folder: Path) -> None:
    from host.builder import release as releases
    from host.cli.release import build_time, publish

    product = releases.application.read_description(folder)["product"]
    publish(client, releases.build(folder, client.next_number(product), build_time()))
