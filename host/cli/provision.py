"""`mpfleet provision`: give a board that waits for it its WiFi."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, NamedTuple

import click

from host.cli import output
from host.cli import port as serial_port

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from rich.status import Status

    from host.provisioning import Board, Network

    _Link = AbstractAsyncContextManager[Board]


class _Wanted(NamedTuple):
    """What a board is to be given; None is not known yet."""

    ssid: str | None
    password: str | None
    hostname: str


@click.command()
@click.option(
    "--ble",
    is_flag=False,
    flag_value="",
    metavar="[NAME]",
    help="By Bluetooth: the name it shows (mpfleet-a1b2c3, or a1b2c3), or its address; without "
    "one the only board nearby. [default]",
)
@click.option("--serial", "port", is_flag=False, flag_value="", metavar="[PORT]", help="By cable.")
@click.option("--wifi", metavar="SSID", help="The network. [default: asked for, after a scan]")
@click.option(
    "--wifi-password",
    envvar="MPFLEET_WIFI_PASSWORD",
    help="Its password, \"\" for an open network; else it is asked for. In MPFLEET_WIFI_PASSWORD "
    "other people on this computer do not see it.",
)
@click.option("--hostname", default="", help="The name of the board in its network.")
@click.option("--identify", is_flag=True, help="Only make the board blink.")
@output.as_json
def provision(
    ble: str | None,
    port: str | None,
    wifi: str | None,
    wifi_password: str | None,
    hostname: str,
    identify: bool,
    as_json: bool,
) -> None:
    """Give a board that waits for it its WiFi, by Bluetooth or over a cable.

    A new board waits for ten minutes; one that ran before when its BOOT button is held for 5 s.
    It ends with the address at which the board is claimed.

    \b
    Examples:
      mpfleet provision
      mpfleet provision --ble a1b2c3 --wifi home --hostname kitchen
      mpfleet provision --serial /dev/ttyUSB0 --wifi home
    """
    if ble is not None and port is not None:
        raise click.UsageError("either --ble or --serial")
    if identify and port is not None:
        raise click.UsageError("--identify works by Bluetooth only")
    say = _Progress()
    link = _cable(port, say) if port is not None else _bluetooth(ble or "", say)
    try:
        wanted = _Wanted(wifi, wifi_password, hostname)
        address = asyncio.run(_blink(link) if identify else _join(link, wanted, say))
    finally:
        say.end()
    if as_json:
        click.echo(json.dumps({"claim_url": address}))
    elif address:
        click.echo(output.plain(f"claim it at {address}"))


@contextlib.asynccontextmanager
async def _bluetooth(name: str, say: _Progress) -> AsyncIterator[Board]:
    from host.provisioning import bluetooth

    say("find", f"boards nearby, for {bluetooth.FIND_S} s")
    device = bluetooth.named(await bluetooth.find(), name)
    say("connect", str(device.name or device.address))
    async with bluetooth.connect(device) as board:
        yield board


@contextlib.asynccontextmanager
async def _cable(port: str, say: _Progress) -> AsyncIterator[Board]:
    from host.provisioning import serial

    path = serial_port.one(port or None)
    say("connect", path)
    async with serial.connect(path) as board:
        yield board


async def _blink(link: _Link) -> str:
    async with link as board:
        await board.identify()
    return ""


async def _join(link: _Link, wanted: _Wanted, say: _Progress) -> str:
    from host.provisioning import sequence
    from host.provisioning.board import check

    if wanted.ssid is not None:  # nobody waits for a board to hear of a mistake
        wanted = wanted._replace(password=_password(wanted, say))
        check(wanted.ssid, wanted.password or "")
    async with link as board:
        if wanted.ssid is None:
            wanted = _asked(await board.scan(), wanted, say)
            check(wanted.ssid, wanted.password or "")
        return await sequence(board, wanted.ssid, wanted.password or "", wanted.hostname, say)


def _asked(networks: list[Network], wanted: _Wanted, say: _Progress) -> _Wanted:
    """The network a person chooses of those the board hears, and its password."""
    if not serial_port.is_interactive():
        raise click.UsageError("say which network with --wifi")
    say.end()
    for number, one in enumerate(networks, 1):
        click.echo(f"  {number}  {output.plain(one.ssid)}  {one.dbm} dBm{_open(one)}", err=True)
    click.echo(f"  {len(networks) + 1}  another one", err=True)
    number = click.prompt("Network", type=click.IntRange(1, len(networks) + 1), err=True)
    if number > len(networks):
        wanted = wanted._replace(ssid=click.prompt("Its name", err=True))
    else:
        ssid, _, is_open = networks[number - 1]
        wanted = wanted._replace(ssid=ssid, password="" if is_open else wanted.password)
    return wanted._replace(password=_password(wanted, say))


def _open(network: Network) -> str:
    return ", open" if network.is_open else ""


def _password(wanted: _Wanted, say: _Progress) -> str:
    if wanted.password is not None or not serial_port.is_interactive():
        return wanted.password or ""
    say.end()
    text = f"Password of WiFi {wanted.ssid}"
    return click.prompt(text, hide_input=True, err=True, default="", show_default=False)


class _Progress:
    """Each step in a line, with a spinner behind the one under way where a person looks on."""

    def __init__(self) -> None:
        self._status: Status | None = None

    def __call__(self, step: str, text: str) -> None:
        """Say what is done now."""
        self.end()
        line = output.plain(f"{step:>10}  {text}")
        click.echo(line, err=True)
        if sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True).status("")
            self._status.start()

    def end(self) -> None:
        """Nothing turns any more."""
        if self._status:
            self._status.stop()
            self._status = None
