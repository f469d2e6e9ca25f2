"""`mpfleet release`: make releases of app folders, see which there are, take them back."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from host.cli import cost, output, verification
from host.cli.approve import only_product
from host.cli.session import connect, signed_in

if TYPE_CHECKING:
    from host.builder.release import Release
    from host.cli.client import Client

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def release() -> None:
    """Make, upload, list and withdraw releases."""


@release.command()
@click.argument("folder", type=_FOLDER)
@click.option(
    "--number", type=int, help="Release number; without it the host is asked for the next."
)
@click.option(
    "--firmware",
    "images",
    multiple=True,
    metavar="[MODEL=]FILE",
    help="Firmware image (.app-bin) that goes with it; once for each board model.",
)
@click.option("--upload", is_flag=True, help="Send it to the host at once, and see it tried.")
@click.option("--no-wait", is_flag=True, help="Do not wait for the end of its trial.")
@click.option(
    "-o",
    "--output",
    "place",
    type=click.Path(path_type=Path),
    help="Bundle file, or the folder for it.",
)
@output.as_json
@click.pass_context
def build(
    context: click.Context,
    folder: Path,
    number: int | None,
    images: tuple[str, ...],
    upload: bool,
    no_wait: bool,
    place: Path | None,
    as_json: bool,
) -> None:
    """Make a release of an app folder (mpfleet.json, app/, perhaps lib/).

    The runtime goes with it; with --firmware a board takes both or neither. SOURCE_DATE_EPOCH
    sets its time, so that the same input gives the same bytes.

    \b
    Examples:
      mpfleet release build examples/blink --upload
      mpfleet release build examples/blink --number 4 -o build/
      mpfleet release build examples/blink --firmware ESP32_GENERIC-OTA-v1.27.app-bin --upload
    """
    from host.builder import application, bundle
    from host.builder import release as releases

    client = connect(context.obj) if upload or number is None else None
    if number is None:
        number = client.next_number(application.read_description(folder)["product"])
    made = releases.build(folder, number, build_time(), images=images)
    file = None if upload and place is None else _bundle_place(place, bundle.name(made))
    if file:
        bundle.write(made, file)
    shown = {**cost.of(made), "file": str(file) if file else None, "uploaded": upload}
    if not upload:
        output.show(shown, as_json, cost.text)
        return
    publish(client, made)
    if not as_json:
        click.echo(output.plain(cost.text(shown)))
    found = _tried(client, made.product, made.number, no_wait, as_json)
    output.show({**shown, "verification": found} if as_json else found, as_json, verification.text)
    verification.end(found)


@release.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--no-wait", is_flag=True, help="Do not wait for the end of its trial.")
@output.as_json
@signed_in
def upload(client: Client, file: Path, no_wait: bool, as_json: bool) -> None:
    """Send a bundle to the host, and see it tried; what is there already does not travel again.

    \b
    Example:
      mpfleet release upload blink-4.mpfleet
    """
    from host.builder import bundle

    made = bundle.read(file)
    publish(client, made)
    found = _tried(client, made.product, made.number, no_wait, as_json)
    one = client.get(f"/releases/{made.product}/{made.number}")
    _show_tried(one, found, as_json)
    verification.end(found)


@release.command("list")
@click.option("--product", help="Only of this product.")
@output.as_json
@signed_in
def list_(client: Client, product: str | None, as_json: bool) -> None:
    """List releases.

    \b
    Example:
      mpfleet release list --product blink
    """
    output.show(client.releases(product), as_json, _list_text)


@release.command()
@click.argument("product")
@click.argument("number", type=int)
@output.as_json
@signed_in
def show(client: Client, product: str, number: int, as_json: bool) -> None:
    """Show a release, and what trying it found.

    \b
    Example:
      mpfleet release show blink 4
    """
    one = client.get(f"/releases/{product}/{number}")
    _show_tried(one, verification.read(client, product, number), as_json)


@release.command()
@click.argument("number", type=int)
@click.option("--product", help="Product of the release. [default: the only one]")
@output.as_json
@signed_in
def again(client: Client, number: int, product: str | None, as_json: bool) -> None:
    """Make a new release of an older one's content: the way back to an older version.

    Boards take no number below one they had, so the old content gets a new number; what is still
    on a board does not travel again.

    \b
    Example:
      mpfleet release again 4 --product blink
    """
    import json

    product = product or only_product(client)
    value = json.loads(client.manifest(product, number))
    value["number"], value["created_at"] = client.next_number(product), build_time()
    client.add_release(json.dumps(value, separators=(",", ":")).encode())
    output.show(client.complete(product, value["number"]), as_json, _release_text)


@release.command()
@click.argument("number", type=int)
@click.option("--product", help="Product of the release. [default: the only one]")
@click.option("--reason", required=True, help="Why; it stays on the record.")
@output.as_json
@signed_in
def withdraw(client: Client, number: int, product: str | None, reason: str, as_json: bool) -> None:
    """Take a release back: assignments end at once, boards refuse it once that is signed.

    \b
    Example:
      mpfleet release withdraw 4 --product blink --reason "drains the battery"
    """
    product = product or only_product(client)
    done = client.send("POST", f"/releases/{product}/{number}/withdraw", {"reason": reason})
    output.show(done, as_json, _withdrawn_text)


for _command in (verification.verify, verification.waive):
    release.add_command(_command)


def publish(client: Client, made: Release) -> dict[str, Any]:
    """Upload what the host lacks of a release, and say that it is whole."""
    for sha256 in client.add_release(made.manifest)["missing"]:
        client.add_blob(sha256, made.blobs[sha256])
    return client.complete(made.product, made.number)


def _tried(
    client: Client, product: str, number: int, no_wait: bool, is_quiet: bool
) -> dict[str, Any]:
    if no_wait:
        return verification.read(client, product, number)
    return verification.follow(client, product, number, is_quiet)


def build_time() -> int:
    """What a manifest says of its making: SOURCE_DATE_EPOCH, else now."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    return int(given) if given.isdigit() else int(time.time())


def _bundle_place(place: Path | None, name: str) -> Path:
    if place is None or place.is_dir():
        return (place or Path()) / name
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


_COLUMNS = (
    "product",
    "number",
    "version",
    "state",
    "approved",
    "size_bytes",
    "created_at",
    "description",
)


def _list_text(found: list[dict[str, Any]]) -> str:
    if not found:
        return "no releases yet: mpfleet release build FOLDER --upload"
    return output.table(_COLUMNS, found)


def _show_tried(one: dict[str, Any], found: dict[str, Any], as_json: bool) -> None:
    shown = {**one, "verification": found}
    output.show(shown, as_json, lambda _: f"{_release_text(one)}\n{verification.text(found)}")


def _release_text(one: dict[str, Any]) -> str:
    names = (*_COLUMNS, "boards", "created_by", "manifest_sha256")
    return output.fields((name, one[name]) for name in names)


def _withdrawn_text(done: dict[str, Any]) -> str:
    one = done["release"]
    said = f"release {one['number']} of {one['product']} is offered to nobody any more"
    if not done["proposal"]:
        return f"{said}; it was not approved"
    sign = f"mpfleet approve {one['number']} --product {one['product']} --withdrawal"
    return f"{said}; boards that ask will refuse it once that is signed: {sign}"
