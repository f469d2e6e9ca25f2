"""`mpfleet keys`: who may sign what, and changing it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from host.cli import data_folder, output, own_keys
from host.cli.session import connect, signed_in

if TYPE_CHECKING:
    from host.cli.client import Client

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_ROLE = click.Choice(("root", "targets"))
_signing = (
    click.option("--yes", "agrees", is_flag=True, help="Sign without being asked."),
    click.option("--key", type=_FILE, help="Your key file."),
    own_keys.held,
    own_keys.passphrase_file,
    output.as_json,
    click.pass_context,
)
_threshold = click.option(
    "--threshold", type=click.IntRange(1, 16), help="How many people must sign from then on."
)


@click.group()
def keys() -> None:
    """See and change who may approve releases.

    The root names the keys of every role; each change of it is signed by keys of the root before
    and after.
    """


def changing(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a command that signs."""
    for option in reversed(_signing):
        command = option(command)
    return command


@keys.command("list")
@output.as_json
@signed_in
def list_(client: Client, as_json: bool) -> None:
    """Show roles, keys, what expires soon, and what waits for signatures.

    \b
    Example:
      mpfleet keys list
    """
    shown = {**client.get("/keys"), "proposals": client.get("/proposals")}
    output.show(shown, as_json, _list_text)


@keys.command()
@click.argument("name", default="mine")
@own_keys.passphrase_file
@output.as_json
def init(name: str, passphrase_file: Path | None, as_json: bool) -> None:
    """Make a key of your own, sealed by a passphrase; an admin imports its public half.

    \b
    Example:
      mpfleet keys init
    """
    import json

    from host.cli import profile as profiles
    from host.metadata import keys as key_files

    profiles.path(name)  # refuses what is no name
    place = own_keys.folder() / f"{name}.json"
    if place.exists():
        raise click.UsageError(f"{place} exists: give another name")
    text = own_keys.ask_passphrase("Passphrase for the new key", passphrase_file, is_new=True)
    made = key_files.new()
    key_files.write(place, key_files.seal(made, text))
    public = place.with_name(f"{name}.public.json")
    value = {"public": key_files.describe(made.public_key)}
    public.write_text(json.dumps(value, indent=2) + "\n")
    shown = {"keyid": made.public_key.keyid, "file": str(place), "public": str(public)}
    output.show(
        shown,
        as_json,
        lambda s: (
            f"{output.fields(s.items())}\nKeep a copy of the file and of the passphrase, "
            f"apart. An admin lets you sign: mpfleet keys import {public.name} --user YOU"
        ),
    )


@keys.command("import")
@click.argument("file", type=_FILE)
@click.option("--user", "email", required=True, help="Account of the person whose key it is.")
@click.option("--role", type=_ROLE, default="targets", show_default=True)
@_threshold
@changing
def import_(
    context: click.Context,
    file: Path,
    email: str,
    role: str,
    threshold: int | None,
    **options: Any,
) -> None:
    """Let a person's key sign: approve releases (targets), or change keys (root).

    \b
    Example:
      mpfleet keys import ada.public.json --user ada@example.org --threshold 2
    """
    from host.metadata import keys as key_files

    public = key_files.describe(key_files.public_of(file.read_bytes()))
    value = {"role": role, "public": public, "user": email}
    _propose(context, "/keys/import", value | _thresholds(role, threshold), options)


@keys.command()
@click.argument("keyid")
@click.option("--role", type=_ROLE, default="targets", help="Role of --threshold.")
@_threshold
@changing
def revoke(
    context: click.Context, keyid: str, role: str, threshold: int | None, **options: Any
) -> None:
    """Let a key sign nothing any more: it was lost or stolen. The start of its id is enough.

    \b
    Example:
      mpfleet keys revoke 3f0281c4
    """
    _propose(context, "/keys/revoke", {"keyid": keyid} | _thresholds(role, threshold), options)


@keys.command()
@click.argument("role", type=click.Choice(("root", "targets", "online")))
@changing
def rotate(context: click.Context, role: str, **options: Any) -> None:
    """Make a new key in place of one that the host holds.

    \b
    Example:
      mpfleet keys rotate online
    """
    text = own_keys.ask_passphrase("Passphrase of the fleet's keys", options["passphrase_file"])
    _propose(context, "/keys/rotate", {"role": role, "passphrase": text}, options, text)


@keys.command()
@changing
def renew(context: click.Context, **options: Any) -> None:
    """Sign root and targets anew, with nothing else changed, before they expire.

    \b
    Example:
      mpfleet keys renew
    """
    _propose(context, "/proposals", {"kind": "renew"}, options)


@keys.command()
@click.argument("proposal", type=int)
@changing
def sign(context: click.Context, proposal: int, **options: Any) -> None:
    """Sign what somebody else proposed; keys list shows the numbers.

    \b
    Example:
      mpfleet keys sign 7
    """
    client = connect(context.obj)
    context.call_on_close(client.close)
    _sign(context, client, client.get(f"/proposals/{proposal}"), options)


@keys.command("export-root")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--user", "email", required=True, help="Account of the person who keeps it.")
@data_folder.option()
@own_keys.passphrase_file
def export_root(file: Path, email: str, data: Path, passphrase_file: Path | None) -> None:
    """Move the root key off the host, on the host itself; from then on it signs with --key FILE.

    \b
    Example:
      mpfleet keys export-root /media/stick/root.json --user admin@mpfleet
    """
    from host.serve import people

    text = own_keys.ask_passphrase("Passphrase of the fleet's keys", passphrase_file)
    people.export_root(data, file, text, email)
    click.echo(f"the root key is in {file} alone now: keep it offline, and a copy of it elsewhere")


def _propose(
    context: click.Context, where: str, value: dict[str, Any], options: Any, text: str = ""
) -> None:
    client = connect(context.obj)
    context.call_on_close(client.close)
    _sign(context, client, client.send("POST", where, value), options, text)


def _sign(
    context: click.Context, client: Client, proposal: Any, options: Any, text: str = ""
) -> None:
    from host.cli import signing

    as_json = options.pop("as_json")
    done = signing.sign(client, context.obj, proposal, **options, passphrase=text)
    output.show(done, as_json, lambda one: f"proposal {one['id']} {signing.standing(one)}")


def _thresholds(role: str, threshold: int | None) -> dict[str, Any]:
    return {"thresholds": {role: threshold}} if threshold else {}


def _list_text(shown: dict[str, Any]) -> str:
    from host.cli import signing

    columns = ("role", "version", "expires", "threshold")
    roles = [[one[name] for name in columns] for one in shown["roles"]]
    people = [
        (one["keyid"][:16], ", ".join(one["roles"]), one["user"] or "-", one["held"])
        for one in shown["keys"]
    ]
    waiting = [
        f"proposal {one['id']}: {one['kind']} {one['product'] or ''} {one['number'] or ''} "
        f"{signing.standing(one)}"
        for one in shown["proposals"]
    ]
    parts = [
        "\n".join(f"! {alarm}" for alarm in shown["alarms"]),
        output.columns([name.upper() for name in columns], roles),
        output.columns(("KEY", "SIGNS", "PERSON", "ON THE HOST"), people),
        "\n".join(waiting),
    ]
    return "\n\n".join(part for part in parts if part)
