"""A deploy as a table of steps; each can be repeated, and a repeated deploy copies nothing."""

import json
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from device.protocol import EPOCH_2000
from host.builder import release, runtime
from host.deploy import agent, libs
from host.deploy.board import Board
from host.deploy.errors import DeployError
from host.deploy.files import Copier
from host.deploy.firmware import Firmware, inspect, is_model
from host.deploy.plan import Event, Host, Outcome, Plan, Report

_ONLINE = "link: online"  # what the runtime says once the host has answered and MQTT is up
_FIRST_SLOT = "a"
_SAVED = ".before-mpfleet"  # a board's own main.py is somebody's work


@dataclass
class Work:
    """What the steps of one deploy hand on."""

    plan: Plan
    host: Host
    report: Report
    board: Board
    copier: Copier
    outcome: Outcome = field(default_factory=Outcome)
    firmware: Firmware | None = None
    golden: dict[str, bytes] = field(default_factory=dict)  # by path on the board
    status: dict[str, Any] = field(default_factory=dict)  # what device.setup says of the board
    step: str = ""

    def say(self, text: str) -> None:
        """Report a sentence."""
        self.report(Event(self.step, text))

    def progress(self, done: int, total: int) -> None:
        """Report bytes copied."""
        if total:
            self.report(Event(self.step, "copying", done, total))


def deploy(port: str, plan: Plan, client: Host, report: Report) -> Outcome:
    """Set up the board on a port; it is online when this returns.

    Raises:
        DeployError: what kept the deploy from getting there. It can be repeated.
        BuildError: the runtime does not compile.
    """
    report(Event("connect", f"stopping what runs on {port}"))
    board = Board(port)
    try:
        board.stop()
        work = Work(plan, client, report, board, Copier(board))
        for work.step, step in STEPS:
            step(work)
        return work.outcome
    finally:
        board.close()


def _inspect(work: Work) -> None:
    work.board.run(agent.SOURCE)
    work.firmware = inspect(work.board)
    work.say(f"{work.firmware.text}, {work.firmware.free_blocks * 4} kB free")


def _copy_libraries(work: Work) -> None:
    if not work.firmware.has_mqtt:
        work.copier.copy(libs.files(), work.progress)


def _copy_golden(work: Work) -> None:
    work.golden = {f"/{path}": content for path, content in release.golden().items()}
    work.copier.keep_only(["/device"], work.golden)
    work.copier.copy(work.golden, work.progress)


def _ask_status(work: Work) -> None:
    work.status = json.loads(work.board.run("from device.setup import status\nstatus()"))
    work.outcome.device = work.status["id"]
    if not (work.plan.model or is_model(work.status["model"])):
        detail = "the firmware does not say which board model it is for"
        raise DeployError("no-model", detail, "give --model, such as --model ESP32_GENERIC")
    work.say(f"device {work.status['id']}")


def _copy_release(work: Work) -> None:
    if work.status.get("active") in ("a", "b"):
        work.say(f"slot {work.status['active']} is active and stays")
        return
    chosen = _choose(work)
    if chosen is None:
        work.say(f"{work.plan.product} has no release yet: the board runs the runtime alone")
        return
    manifest = work.host.manifest(work.plan.product, chosen)
    _write_slot(work, f"/slots/{_FIRST_SLOT}", manifest)
    work.outcome.number = chosen
    work.say(f"release {chosen} is in slot {_FIRST_SLOT}")


def _choose(work: Work) -> int | None:
    """The number asked for, or the newest release that is ready."""
    ready = [r["number"] for r in work.host.releases(work.plan.product) if r["state"] == "ready"]
    if work.plan.number is None:
        return max(ready, default=None)
    if work.plan.number not in ready:
        detail = f"{work.plan.product} has no release {work.plan.number} that is ready"
        raise DeployError("no-release", detail, "mpfleet release list shows what there is")
    return work.plan.number


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


def _copy_starters(work: Work) -> None:
    starters = {f"/{name}": content for name, content in runtime.starters().items()}
    _set_aside(work, list(starters))
    work.copier.copy(starters, work.progress)
    removed = f", {work.copier.removed} removed" if work.copier.removed else ""
    work.say(f"copied {work.copier.copied} files, {work.copier.unchanged} unchanged{removed}")
    for name in ("copied", "unchanged", "removed"):
        setattr(work.outcome, name, getattr(work.copier, name))


def _set_aside(work: Work, paths: list[str]) -> None:
    """Keep a main.py and boot.py that are somebody's own."""
    for path in paths:
        if work.board.run(agent.set_aside(path, path + _SAVED)).strip() == "True":
            work.say(f"the board's own {path} is kept as {path + _SAVED}")


def _apply(work: Work) -> None:
    work.board.run(agent.apply(setup_of(work, int(time.time()))))


def setup_of(work: Work, now: int) -> dict[str, Any]:
    """What device.setup.apply is handed."""
    plan = work.plan
    model = {"model": plan.model} if plan.model else {}
    setup: dict[str, Any] = {
        "host": {
            "addresses": list(plan.addresses),
            "port": plan.port,
            "mqtt_port": plan.mqtt_port,
            "name": plan.fleet,
        },
        "ca": b64encode(plan.ca_der).decode(),
        "floor": now - EPOCH_2000,
        "config": {"product": plan.product, **model, **plan.config},
    }
    if plan.wifi is not None:
        setup["wifi"] = [network._asdict() for network in plan.wifi]
    if plan.watchdog_s is not None:
        setup["watchdog_s"] = plan.watchdog_s
    if work.outcome.number is not None:
        setup |= {"active": _FIRST_SLOT, "number": work.outcome.number}
    if plan.claims and not _is_claimed(work):
        setup["token"] = work.host.enrolment_token()
    return setup


def _is_claimed(work: Work) -> bool:
    known = work.host.find_device(work.outcome.device)
    return bool(known and known["state"] == "claimed" and work.status.get("has_secret"))


def _restart(work: Work) -> None:
    work.board.reset(agent.RESET)
    if work.plan.wifi is None and not work.status["has_wifi"]:
        work.say("the board knows no WiFi yet; deploy again with --wifi")
        return
    if work.plan.wait_s <= 0:
        return
    work.say("waiting for it to come online")
    for line in work.board.lines(work.plan.wait_s):
        work.outcome.output.append(line)
        if _ONLINE in line:
            work.outcome.is_online = True
            work.say("online")
            return
    said = [line for line in work.outcome.output if line.strip()][-3:]
    raise DeployError(
        "not-online",
        f"the board did not come online within {work.plan.wait_s:.0f} s; it said: "
        + (" | ".join(said) or "nothing"),
        "check WiFi name and password, and that boards reach the host's address",
    )


Step = Callable[[Work], None]
STEPS: tuple[tuple[str, Step], ...] = (
    ("inspect", _inspect),
    ("libraries", _copy_libraries),
    ("runtime", _copy_golden),
    ("status", _ask_status),
    ("release", _copy_release),
    ("starters", _copy_starters),  # boot.py last: until then the board starts as it did before
    ("settings", _apply),
    ("restart", _restart),
)
