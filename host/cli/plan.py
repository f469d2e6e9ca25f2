"""What the options of `mpfleet deploy` and the host's own words make of a plan."""

from __future__ import annotations

import json
import sys
from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from host.cli.client import Client
    from host.deploy import Network, Plan


def of(
    client: Client,
    *,
    ports: Sequence[str],
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
    claims: bool,
    wait_s: float,
    firmware: Path | None,
    new_identity: bool,
    has_aioble: bool | None,
    libraries: Path | None,
    provisioning: str | None,
    is_paired: bool | None,
    passkey: int | None,
) -> Plan:
    """The plan."""
    from host.builder import application
    from host.cli import trust
    from host.deploy import Plan

    fleet = client.fleet()
    described = application.read_description(folder) if folder else {}
    product = product or described.get("product") or _only_product(client)
    if folder and number is None and not client.releases(product):
        number = _release_first(client, folder)
    return Plan(
        product,
        list(addresses) or _reachable(fleet["addresses"], ports),
        host_port or fleet["port"],
        mqtt_port or fleet["mqtt_port"],
        client.profile.fleet,
        trust.der(client.profile.ca),
        b64decode(fleet.get("root", "")),
        console=fleet.get("console", ""),
        wifi=[network(text, wifi_password) for text in wifi] or None,
        model=model,
        number=number,
        watchdog_s=watchdog_s,
        config={
            **config_of(described.get("settings") or {}, config),
            **provisioning_of(provisioning, is_paired, passkey),
        },
        claims=claims,
        wait_s=wait_s,
        firmware=firmware,
        new_identity=new_identity,
        has_aioble=has_aioble,
        libraries=libraries,
    )


def _reachable(addresses: list[str], ports: Sequence[str]) -> list[str]:
    """The host's addresses, unless a real board could not reach any of them."""
    from host.cli import trust
    from host.deploy import DeployError

    # any other may be a virtual board's
    is_wired = any("://" not in p and not p.startswith("/dev/pts/") for p in ports)
    if is_wired and all(a in trust.LOOPBACK for a in addresses):
        raise DeployError(
            "unreachable-host",
            f"the host tells boards to find it at {', '.join(addresses)}, which no board reaches",
            "start it with mpfleet serve --listen --address ADDRESS, or give --host-address",
        )
    return addresses


def network(text: str, password: str | None) -> Network:
    """`SSID:PASSWORD`, `SSID:` for an open network, `SSID` for one whose password is asked.

    Where nobody can be asked, it is an open network.
    """
    from host.deploy import Network

    ssid, colon, given = text.partition(":")
    if not ssid:
        raise click.UsageError("--wifi is SSID or SSID:PASSWORD")
    if colon:
        return Network(ssid, given)
    if password is None and not sys.stdin.isatty():
        return Network(ssid, "")
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


def provisioning_of(mode: str | None, is_paired: bool | None, passkey: int | None) -> dict:
    """Fields of config.json that say who may give the board its WiFi; what is None stays."""
    if passkey and is_paired is None:
        is_paired = True
    if passkey and not is_paired:
        raise click.UsageError("--passkey is for --paired")
    given = {"provisioning": mode, "paired": is_paired, "passkey": passkey}
    return {name: value for name, value in given.items() if value is not None}


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


def _release_first(client: Client, folder: Path) -> int:
    """Make the first release and see it tried; its number."""
    from host.builder import release as releases
    from host.cli import verification
    from host.cli.release import build_time, publish
    from host.deploy import DeployError

    product = releases.application.read_description(folder)["product"]
    made = releases.build(folder, client.next_number(product), build_time())
    publish(client, made)
    found = verification.follow(client, product, made.number)
    if found["state"] == "rejected":
        raise DeployError("rejected", verification.text(found), "mend it and deploy again")
    return made.number
