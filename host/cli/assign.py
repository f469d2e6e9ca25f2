"""`mpfleet assign`: what boards are to run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from host.cli import output
from host.cli.session import signed_in

if TYPE_CHECKING:
    from host.cli.client import Client


@click.command()
@click.argument("number", type=int)
@click.option("--device", "references", multiple=True, help="Id or name; may be repeated.")
@click.option("--all", "is_all", is_flag=True, help="Every device of the product.")
@click.option("--product", help="Product of the release; with --device it is the device's.")
@output.as_json
@signed_in
def assign(
    client: Client,
    number: int,
    references: tuple[str, ...],
    is_all: bool,
    product: str | None,
    as_json: bool,
) -> None:
    """Offer a release to devices.

    \b
    Examples:
      mpfleet assign 4 --device kitchen --device garden
      mpfleet assign 4 --all --product blink
    """
    if is_all == bool(references):
        raise click.UsageError("give either --device or --all")
    found = [client.device(reference) for reference in references]
    products = {product} if product else {one["product"] for one in found}
    if len(products) != 1:
        raise click.UsageError("give --product")
    value = {
        "product": products.pop(),
        "number": number,
        "devices": "all" if is_all else [one["id"] for one in found],
    }
    output.show(client.send("POST", "/assignments", value), as_json, _assigned_text)


def _assigned_text(answer: dict[str, Any]) -> str:
    made = answer["assignments"]
    if not made:
        return "no device took it: none of the product is claimed"
    lines = [f"{a['device']}: release {a['number']} of {a['product']} {a['state']}" for a in made]
    if not answer["approved"]:
        number, product = made[0]["number"], made[0]["product"]
        lines.append(
            f"! release {number} is not approved, so boards will not take it: "
            f"mpfleet approve {number} --product {product}"
        )
    return "\n".join(lines)
