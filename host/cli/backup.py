"""`mpfleet backup` and `restore`: a whole host in one encrypted file, and back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from host.cli import data_folder, output, own_keys

_PASSPHRASE_CHARS_MIN = 8


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@data_folder.option()
@click.option(
    "--without-keys", is_flag=True, help="Leave out the private keys; you keep them elsewhere."
)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@own_keys.passphrase_file
@output.as_json
def backup(
    file: Path,
    data: Path,
    without_keys: bool,
    force: bool,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Put a whole host into one encrypted file, on the host itself; it may be running.

    Database, releases, signed metadata, settings, certificates and keys. Whoever has the file and
    the passphrase has the fleet: keep them apart, and neither on the host alone. A database that
    is not the host's own SQLite is not included: use its own tools, first.

    \b
    Examples:
      mpfleet backup /media/stick/fleet.backup
      mpfleet backup fleet-$(date +%F).backup --passphrase-file /root/passphrase
    """
    from host.backup.save import save

    text = _new_passphrase(passphrase_file)
    with _bar(as_json, "backup") as report:
        made = save(data, file, text, with_keys=not without_keys, force=force, report=report)
    output.show({"file": str(file), **made}, as_json, _saved)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@data_folder.option()
@click.option(
    "--force", is_flag=True, help="Also where the folder is not empty: it is moved aside."
)
@own_keys.passphrase_file
@output.as_json
def restore(
    file: Path, data: Path, force: bool, passphrase_file: Path | None, as_json: bool
) -> None:
    """Make a host of a backup, in an empty folder; then start it with mpfleet serve.

    \b
    Example:
      mpfleet restore fleet.backup --data /srv/mpfleet
    """
    from host.backup.restore import restore as put_back

    text = own_keys.ask_passphrase("Passphrase of the backup", passphrase_file)
    with _bar(as_json, "restore") as report:
        done = put_back(file, data, text, force=force, report=report)
    output.show({"data": str(data), **done}, as_json, _restored)


def _new_passphrase(file: Path | None) -> str:
    text = own_keys.ask_passphrase("Passphrase for the backup", file, is_new=True)
    if len(text) < _PASSPHRASE_CHARS_MIN:
        few = f"a passphrase of at least {_PASSPHRASE_CHARS_MIN} characters"
        raise click.UsageError(f"{few} is needed: it is all that protects the fleet's keys")
    return text


@contextmanager
def _bar(is_quiet: bool, what: str) -> Iterator[Callable[[int, int], Any]]:
    """What shows how many bytes of how many are done, on a terminal."""
    if is_quiet or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich import console, progress

    columns = (progress.TextColumn(what), progress.BarColumn(), progress.DownloadColumn())
    with progress.Progress(
        *columns, transient=True, console=console.Console(stderr=True)
    ) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _saved(made: dict[str, Any]) -> str:
    lines = [f"{made['files']} files of fleet {made['fleet']} are in {made['file']}, "
             f"{made['size_bytes']} bytes"]  # fmt: skip
    if not made["keys"]:
        lines.append("without the private keys: keep a copy of keys/ and pki/ apart")
    if not made["database"]:
        lines.append("WITHOUT THE DATABASE, which is not SQLite in the data folder: use pg_dump")
    return "\n".join(lines)


def _restored(done: dict[str, Any]) -> str:
    lines = [f"{done['data']} is fleet {done['fleet']} as of {done['made_at']}"]
    if done["before"]:
        lines.append(f"what was there is in {done['before']} now")
    if done["missing"]:
        lines.append(f"put back before the host starts: {', '.join(done['missing'])} (mode 0600)")
    if not done["database"]:
        lines.append("the database was not in it: put it back with its own tools (pg_restore)")
    lines.append(f"start it, with the options it had: {_serve(done)}")
    return "\n".join(lines)


def _serve(done: dict[str, Any]) -> str:
    """The command that serves what was restored, as far as its certificate tells."""
    words = ["mpfleet serve --data", done["data"], "--name", done["fleet"]]
    return " ".join(words + [f"--address {one}" for one in done["addresses"]])
