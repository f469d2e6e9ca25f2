"""A deploy as a table of steps; each can be repeated, and a repeated deploy copies nothing."""

import json
from collections.abc import Callable

from host.builder import release, runtime
from host.deploy import agent, libs, rollback, settings, slot
from host.deploy.board import Board
from host.deploy.errors import DeployError
from host.deploy.files import Copier
from host.deploy.firmware import inspect, is_model
from host.deploy.plan import Event, Host, Outcome, Plan, Report
from host.deploy.work import Work

_ONLINE = "link: online"  # what the runtime says once the host has answered and MQTT is up
_SAVED = ".before-mpfleet"  # a board's own main.py is somebody's work


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
    ("rollback", rollback.find_out),
    ("libraries", _copy_libraries),
    ("runtime", _copy_golden),
    ("status", _ask_status),
    ("release", slot.copy_first),
    ("starters", _copy_starters),  # boot.py last: until then the board starts as it did before
    ("settings", settings.apply),
    ("restart", _restart),
)
