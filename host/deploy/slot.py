"""The first release of a board, in a slot that nothing runs from."""

import json
from typing import Any

from host.builder import release
from host.deploy import agent
from host.deploy.errors import DeployError
from host.deploy.work import Work

FIRST = "a"
_WHOLE = ("approved", "verified")  # whoever holds the cable may run what nobody approved yet


def copy_first(work: Work) -> None:
    """Write the first release, unless a slot is active.

    Raises:
        DeployError: `no-release`, or `wrong-board`.
    """
    if work.status.get("active") in ("a", "b"):
        work.say(f"slot {work.status['active']} is active and stays")
        return
    chosen = _choose(work)
    if chosen is None:
        product = work.plan.product
        work.say(f"{product} has no verified release yet: the board runs the runtime alone")
        return
    manifest = work.host.manifest(work.plan.product, chosen)
    _check_model(work, json.loads(manifest)["boards"])
    if not _may_run(work, json.loads(manifest)):
        work.say(f"release {chosen} is for another firmware: the runtime runs alone")
        return
    _write_slot(work, f"/slots/{FIRST}", manifest)
    work.outcome.number = chosen
    work.say(f"release {chosen} is in slot {FIRST}")


def _choose(work: Work) -> int | None:
    """The number asked for, else the newest release that is approved, else that is verified."""
    states = {r["number"]: r["state"] for r in work.host.releases(work.plan.product)}
    if work.plan.number is None:
        newest = (max((n for n in states if states[n] == one), default=None) for one in _WHOLE)
        return next((number for number in newest if number is not None), None)
    if states.get(work.plan.number) not in _WHOLE:
        detail = f"{work.plan.product} has no release {work.plan.number} that may run"
        raise DeployError("no-release", detail, "mpfleet release list shows what there is")
    return work.plan.number


def _check_model(work: Work, boards: list[str]) -> None:
    model = work.plan.model or work.status["model"]
    if model not in boards:
        raise DeployError(
            "wrong-board",
            f"the release is for {', '.join(boards)}, this board is a {model}",
            "give --model if the firmware's name for it is another",
        )


def _may_run(work: Work, manifest: dict[str, Any]) -> bool:
    """Whether the release is for the firmware that runs: no pair is made that nobody tried."""
    model = work.plan.model or work.status["model"]
    brought = manifest["parts"].get("firmware", {}).get(model)
    tried = [brought["elf"]] if brought else manifest.get("firmwares", [])
    return not tried or work.status.get("elf") in tried


def _write_slot(work: Work, slot: str, manifest: bytes) -> None:
    """Copy a release; release.json comes last and goes first, so no half slot looks whole."""
    listed = json.loads(manifest)["parts"]["app"]["files"]
    seal = f"{slot}/release.json"
    digests = {f"{slot}/{path}": sha256 for path, _, sha256 in listed}
    there = work.copier.hashes([*digests, seal])
    if {**digests, seal: release.digest(manifest)} != there:
        work.board.run(agent.remove([seal]))
    known = {release.digest(content): content for content in work.golden.values()}
    files = {path: known.get(sha256) or work.host.blob(sha256) for path, sha256 in digests.items()}
    work.copier.keep_only([slot], [*files, seal])
    work.copier.copy({**files, seal: manifest}, work.progress)
