"""`mpfleet approve`: sign that boards may take a release."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from host.cli import output, own_keys
from host.cli.session import connect

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("number", type=int)
@click.option("--product", help="Product of the release. [default: the only one]")
@click.option("--withdrawal", is_flag=True, help="Sign that it was withdrawn.")
@click.option("--yes", "agrees", is_flag=True, help="Sign without being asked.")
@click.option("--key", type=_FILE, help="Your key file. [default: one of ~/.config/mpfleet/keys]")
@own_keys.held
@own_keys.passphrase_file
@output.as_json
@click.pass_context
def approve(
    context: click.Context,
    number: int,
    product: str | None,
    withdrawal: bool,
    agrees: bool,
    key: Path | None,
    held: bool,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Approve a release: sign that boards may take it.

    The new list of releases is made here, of the last one that this command line verified against
    the root it keeps, and shown before it is signed: with your own key, or else with one that the
    host holds, whose passphrase is sent for this one request.

    \b
    Examples:
      mpfleet approve 4 --product blink
      mpfleet approve 4 --product blink --yes --passphrase-file passphrase
    """
    from host.cli import signing, verification

    client = connect(context.obj)
    context.call_on_close(client.close)
    product = product or only_product(client)
    value = {"kind": "withdraw" if withdrawal else "approve", "product": product, "number": number}
    found = verification.read(client, product, number)
    proposal = client.send("POST", "/proposals", value)
    manifest = json.loads(client.manifest(product, number))
    done = signing.sign(
        client, context.obj, proposal, agrees=agrees, key=key,
        held=held, passphrase_file=passphrase_file,
        says=[*_summary(manifest), *(verification.summary(found) if not withdrawal else [])],
    )  # fmt: skip
    said = f"release {number} of {product}"
    output.show(done, as_json, lambda one: f"{said} {signing.standing(one)}")


def only_product(client: Any) -> str:
    """The product, where there is one alone."""
    products = {release["product"] for release in client.releases()}
    if len(products) != 1:
        raise click.UsageError("give --product")
    return products.pop()


def _summary(manifest: dict[str, Any]) -> list[str]:
    files = manifest["parts"]["app"]["files"]
    firmware = sorted(manifest["parts"].get("firmware") or {})
    return [
        f"release {manifest['number']} of {manifest['product']} {manifest['version']}",
        f"  {manifest.get('description') or 'no description'}",
        f"  for {', '.join(manifest['boards'])}; {len(files)} files, "
        f"{sum(size for _, size, _ in files)} bytes"
        + (f"; firmware for {', '.join(firmware)}" if firmware else ""),
    ]
