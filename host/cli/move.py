"""`mpfleet move`: tell boards, by a signed target, where the host is and which CA it has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from host.cli import keys, output
from host.cli.session import connect

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "--address", "addresses", multiple=True, help="As boards reach the host, best first."
)
@click.option("--port", type=click.IntRange(1, 65535), help="HTTPS port.")
@click.option("--mqtt-port", type=click.IntRange(1, 65535), help="MQTT port.")
@click.option(
    "--ca",
    "cas",
    type=_FILE,
    multiple=True,
    help="CA certificate (PEM) that boards are to trust; at most two. [default: this host's own]",
)
@keys.changing
def move(
    context: click.Context,
    addresses: tuple[str, ...],
    port: int | None,
    mqtt_port: int | None,
    cas: tuple[Path, ...],
    **options: Any,
) -> None:
    """Move boards to another address, port or CA of the host.

    What is not given is as this host is now. Boards try the new place and keep the old one
    until it works there.

    \b
    Examples:
      mpfleet move --address 192.168.1.20 --address fleet.lan
      mpfleet move --ca old/ca.pem --ca new/ca.pem
    """
    from host.cli import signing
    from host.services import house

    client = connect(context.obj)
    context.call_on_close(client.close)
    now = client.fleet()
    text = house.write(
        client.profile.fleet,
        addresses or now["addresses"],
        port or now["port"],
        mqtt_port or now["mqtt_port"],
        [path.read_text() for path in cas] or [client.profile.ca],
    )
    proposal = client.send("POST", "/proposals", {"kind": "fleet", "fleet": text})
    as_json = options.pop("as_json")
    done = signing.sign(client, context.obj, proposal, **options, says=[text])
    output.show(done, as_json, lambda one: f"fleet.json {signing.standing(one)}")
