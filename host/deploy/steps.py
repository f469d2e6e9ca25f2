"""A deploy as a table of steps; each can be repeated, and a repeated deploy copies nothing."""

from collections.abc import Callable
from typing import NamedTuple

from host.deploy import (
    chip,
    connect,
    flash,
    identity,
    ports,
    restart,
    rollback,
    runtime,
    settings,
    slot,
)
from host.deploy.errors import DeployError
from host.deploy.plan import Ask, Host, Outcome, Plan, Report
from host.deploy.work import Work

_AGAIN = "deploy again: it goes on where it was"
_FLASH_AGAIN = "deploy again with --firmware: a board is never lost by this"


class Step(NamedTuple):
    """One row: its name, what it does, and what to do where a failure does not say so itself."""

    name: str
    does: Callable[[Work], None]
    advice: str


STEPS = (
    Step("chip", chip.look, "check the cable, then try again"),
    Step("firmware", flash.write, _FLASH_AGAIN),
    Step("connect", connect.stop, "press the board's reset button, then deploy again"),
    Step("inspect", connect.look, _AGAIN),
    Step("rollback", rollback.find_out, _AGAIN),
    Step("libraries", runtime.copy_libraries, _AGAIN),
    Step("runtime", runtime.copy_golden, _AGAIN),
    Step("identity", identity.find, _AGAIN),
    Step("release", slot.copy_first, _AGAIN),
    # boot.py comes last: until then the board starts as it did before
    Step("starters", runtime.copy_starters, _AGAIN),
    Step("settings", settings.apply, _AGAIN),
    Step("restart", restart.watch, _AGAIN),
)


def refuse(_: str) -> bool:
    """The answer where nobody can be asked."""
    return False


def deploy(port: str, plan: Plan, client: Host, report: Report, ask: Ask = refuse) -> Outcome:
    """Set up the board on a port; it is online when this returns.

    Raises:
        DeployError: what kept the deploy from getting there. It can be repeated.
        BuildError: the runtime does not compile.
    """
    work = Work(ports.real(port), plan, client, report, ask)
    try:
        for step in STEPS:
            work.step = step.name
            _take(step, work)
        return work.outcome
    finally:
        work.close()


def _take(step: Step, work: Work) -> None:
    try:
        step.does(work)
    except DeployError as error:
        error.advice = error.advice or step.advice
        raise
