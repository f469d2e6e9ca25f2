"""Which serial port a command means: given, the only one, or asked for."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

given = click.option(
    "--port",
    help="Serial port: /dev/ttyUSB0, COM3, socket://HOST:PORT, rfc2217://HOST:PORT. [default: "
    "the only one, or asked for]",
)


def chosen(ports: Sequence[str], is_all: bool, may_ask: bool) -> list[str]:
    """The ports that were given, each once; else all, the only one, or the answer.

    Raises:
        DeployError: `no-port`, or `several-ports` where nobody can be asked.
    """
    from host.deploy import ports as serial

    there = [] if ports else serial.found()
    if ports:
        return list(dict.fromkeys(ports))
    if is_all and there:
        return [port.path for port in there]
    if len(there) > 1 and may_ask and is_interactive():
        return [_asked(there)]
    return [serial.only()]


def one(port: str | None) -> str:
    """The port of a command for one board."""
    return chosen([port] if port else [], is_all=False, may_ask=True)[0]


def is_interactive() -> bool:
    """Whether a person sits at both ends."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _asked(there: Sequence) -> str:
    from rich.console import Console
    from rich.prompt import IntPrompt

    console = Console(stderr=True)
    for n, port in enumerate(there, 1):
        console.print(f"  {n}  {port.path}  {port.text}", markup=False, highlight=False)
    choices = [str(n + 1) for n in range(len(there))]
    number = IntPrompt.ask("Which board?", console=console, choices=choices, show_choices=False)
    return there[number - 1].path
