"""The keys of the person at this command line: files of their own, each sealed by a passphrase."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from host.cli import profile as profiles

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner


def folder() -> Path:
    """Where they are."""
    return profiles.path("keys").with_suffix("")


def files() -> list[Path]:
    """Every key file there."""
    return [p for p in sorted(folder().glob("*.json")) if not p.name.endswith(".public.json")]


def find(keyids: set[str], file: Path | None) -> list[Path]:
    """Key files, of the one given or of ours, whose keys are among these."""
    from host.metadata import keys

    paths = [file] if file else files()
    return [path for path in paths if keys.public_of(keys.read(path)).keyid in keyids]


def unseal(path: Path, passphrase: str) -> CryptoSigner:
    """The private key in a file."""
    from host.metadata import keys

    return keys.unseal(keys.read(path), passphrase)


def ask_passphrase(what: str, file: Path | None, *, is_new: bool = False) -> str:
    """A passphrase from a file's first line, else asked for; from a pipe where that is there."""
    if file:
        return file.read_text().split("\n")[0]
    if not sys.stdin.isatty() and not is_new:
        return sys.stdin.readline().rstrip("\r\n")
    return click.prompt(what, hide_input=True, err=True, confirmation_prompt=is_new)


passphrase_file = click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the passphrase in its first line; else it is asked for, or read from a pipe.",
)

held = click.option(
    "--held", is_flag=True, help="Sign with the keys that the host holds, not with your own."
)
