"""`mpfleet serve`: run a host."""

import socket
from pathlib import Path

import click

from host.cli import data_folder


@click.command()
@data_folder.option("Folder of the database, blobs and keys; made on the first run.")
@click.option(
    "--listen",
    is_flag=False,
    flag_value="0.0.0.0",  # noqa: S104 - what the option is for
    help="Address to listen on; without a value all of this machine's. [default: 127.0.0.1]",
)
@click.option(
    "--address",
    "addresses",
    multiple=True,
    help="Name or address under which boards and browsers find this host; may be repeated, "
    "boards try them in this order. [default: 127.0.0.1]",
)
@click.option("--port", type=click.IntRange(0, 65535), help="HTTPS port. [default: 8443]")
@click.option("--mqtt-port", type=click.IntRange(0, 65535), help="MQTT port. [default: 8883]")
@click.option("--console-url", help="Where people find the console: https://fleet.example.org.")
@click.option(
    "--console-certificate",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM chain of a certificate that browsers trust, for a port for people; boards go on "
    "with the fleet's own.",
)
@click.option(
    "--console-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The key of that certificate, PEM.",
)
@click.option(
    "--console-port", type=click.IntRange(0, 65535), help="The port for people. [default: 443]"
)
@click.option("--name", "fleet", help="The fleet's name on the certificate. [default: mpfleet]")
@click.option(
    "--verification",
    type=click.Choice(["on", "off"]),
    help="Whether releases are tried before people can approve them. [default: on]",
)
@click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File (mode 0600) with the passphrase for the keys that the first run makes; without it "
    "one is made and printed once.",
)
def serve(
    data: Path,
    listen: str | None,
    addresses: tuple[str, ...],
    port: int | None,
    mqtt_port: int | None,
    console_url: str | None,
    console_certificate: Path | None,
    console_key: Path | None,
    console_port: int | None,
    fleet: str | None,
    verification: str | None,
    passphrase_file: Path | None,
) -> None:
    """Run a host: web, API, MQTT broker and database in one go.

    The first run makes the fleet's own CA, an admin and the keys that approve releases; password
    and passphrase are printed once.

    \b
    Examples:
      mpfleet serve
      mpfleet serve --listen --address 192.168.1.10 --address fleet.lan
    """
    from host import settings
    from host.serve import supervisor

    given = {
        "listen": listen,
        "addresses": addresses or _guessed(listen),
        "port": port,
        "mqtt_port": mqtt_port,
        "console_url": console_url,
        "console_certificate": console_certificate and console_certificate.absolute(),
        "console_key": console_key and console_key.absolute(),
        "console_port": console_port,
        "fleet": fleet,
        "verification": verification,
    }
    try:
        chosen = settings.load(data, **given)
    except ValueError as error:  # of the file, the environment or an option; it says which
        raise click.UsageError(f"settings: {error}") from error
    supervisor.run(chosen, passphrase_file)


def _guessed(listen: str | None) -> tuple[str, ...] | None:
    """This machine's address where it listens for others and nobody said how they reach it."""
    if listen not in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: chooses the way out
        except OSError:
            return None
        address = probe.getsockname()[0]
    click.echo(f"boards are told {address}; another: --address", err=True)
    return (address,)
