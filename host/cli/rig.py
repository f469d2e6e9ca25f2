"""`mpfleet rig`: try a release on the boards of a bench."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from host.cli import output
from host.cli.session import connect

if TYPE_CHECKING:
    from host.builder.release import Release
    from host.rig.report import Report, Result

_INTERRUPTED = 130
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def rig() -> None:
    """Try releases on a rig of boards, real and virtual ones."""


@rig.command()
@click.argument("release")
@click.option("--rig", "file", type=_FILE, required=True, help="The rig file (docs/RIG.md).")
@click.option("--product", help="Of a release that is given by its number.")
@click.option("--only", multiple=True, metavar="SCENARIO", help="May be repeated. [default: all]")
@click.option("--junit", type=click.Path(path_type=Path), help="Write JUnit XML, too.")
@click.option(
    "--logs",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of serial logs. [default: build/rig/<time>]",
)
@click.option(
    "--hand-in",
    "hands_in",
    is_flag=True,
    help="Hand the results to the host as findings of the release, which is given by its number.",
)
@output.as_json
@click.pass_context
def run(
    context: click.Context,
    release: str,
    file: Path,
    product: str | None,
    only: tuple[str, ...],
    junit: Path | None,
    logs: Path | None,
    hands_in: bool,
    as_json: bool,
) -> None:
    """Play all scenarios with a release on the boards of a rig file.

    RELEASE is a bundle, or a number on the host you are signed in to. The boards are WIPED,
    set up anew as mpfleet deploy does, and served by a host of the session's own: yours hears
    nothing of it. Exit status: 0 all passed, 1 any failed, 130 after Ctrl-C, which leaves
    boards powered.

    \b
    Examples:
      mpfleet rig run blink-4.mpfleet --rig rig.toml --junit report.xml
      mpfleet rig run 4 --product blink --rig rig.toml --json
      mpfleet rig run 4 --product blink --rig rig.toml --hand-in
      mpfleet rig run blink-4.mpfleet --rig rig.toml --only boots --only app-update
    """
    from host.rig import file as files
    from host.rig import report as reports
    from host.rig.session import Session

    if hands_in and not release.isdigit():
        raise click.UsageError("--hand-in is for a release on the host, given by its number")
    chosen = _scenarios(only)
    bench = files.load(file)
    candidate = _release(context.obj, release, product)
    folder = logs or Path("build/rig") / time.strftime("%Y%m%d-%H%M%S")
    with Session(bench, candidate, folder) as session:
        found = session.play(chosen, _silent if as_json else _tell)
    if hands_in and not found.is_interrupted:
        _hand_in(context.obj, file.stem, found)
    if junit:
        reports.write_junit(found, junit)
    output.show(found.value, as_json, lambda _: found.summary)
    context.exit(_INTERRUPTED if found.is_interrupted else int(not found.is_good))


@rig.command()
@click.argument("file", type=_FILE)
@output.as_json
def check(file: Path, as_json: bool) -> None:
    """Check a rig file, without touching a board.

    \b
    Example:
      mpfleet rig check rig.toml
    """
    from host.rig import file as files

    found = files.load(file)
    shown = [{"name": b.name, "port": b.port, "power": b.power.by} for b in found.boards]
    output.show(shown, as_json, _boards_text)


def _scenarios(only: tuple[str, ...]) -> list:
    from host.rig import scenarios

    known = {one.name: one for one in scenarios.ALL}
    for name in only:
        if name not in known:
            raise click.BadParameter(
                f"{name!r} is none of {', '.join(known)}", param_hint="--only"
            )
    return [one for one in scenarios.ALL if not only or one.name in only]


def _release(profile: str, release: str, product: str | None) -> Release:
    from host.builder import bundle
    from host.builder.release import Release

    if not release.isdigit():
        return bundle.read(Path(release))
    if not product:
        raise click.UsageError("a release by its number needs --product NAME")
    client = connect(profile)
    try:
        found = Release(client.manifest(product, int(release)), {})
        found.blobs.update({name: client.blob(name) for name in found.digests})
    finally:
        client.close()
    return found


def _hand_in(profile: str, source: str, found: Report) -> None:
    """Each scenario on each board is a finding: one that was skipped a warning."""
    levels = {"passed": "pass", "skipped": "warn", "failed": "fail"}
    findings = [
        {
            "check": one.scenario,
            "level": levels[one.outcome],
            "title": f"{one.scenario} on {one.board}",
            "sentence": one.detail[:1000] or one.outcome,
            "log": f"{one.reason or one.outcome}, {one.seconds:.1f} s; logs in {found.folder}",
        }
        for one in found.results
    ]
    client = connect(profile)
    try:
        where = f"/releases/{found.product}/{found.number}/findings"
        client.send("POST", where, {"source": source[:50], "findings": findings})
    finally:
        client.close()


def _tell(result: Result) -> None:
    click.echo(output.plain(result.text))


def _silent(result: Result) -> None:
    """The JSON at the end says it all."""


def _boards_text(shown: list[dict]) -> str:
    rows = [[one["name"], one["port"] or "-", one["power"]] for one in shown]
    return output.columns(["NAME", "PORT", "POWER"], rows)
