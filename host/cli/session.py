"""The host that the running command talks to."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from host.cli.client import Client


def signed_in(command: Callable[..., Any]) -> Callable[..., Any]:
    """Hand a command a client of the profile in use as its first argument."""

    @click.pass_context
    @functools.wraps(command)
    def run(context: click.Context, /, **options: Any) -> Any:
        client = connect(context.obj)
        context.call_on_close(client.close)
        return command(client, **options)

    return run


def connect(profile: str) -> Client:
    """A client of a profile."""
    from host.cli import profile as profiles
    from host.cli.client import Client  # late: requests takes 100 ms, `--help` needs none of it

    return Client(profiles.current(profile))
