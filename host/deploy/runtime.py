"""The files of every board: libraries, the golden runtime, boot.py and main.py."""

from host.builder import release
from host.builder import runtime as sources
from host.deploy import agent, libs
from host.deploy.errors import DeployError
from host.deploy.plan import Plan
from host.deploy.work import Work

_SAVED = ".before-mpfleet"  # a board's own main.py is somebody's work


def copy_libraries(work: Work) -> None:
    """Bring what the firmware lacks: umqtt.simple, and aioble where it is wanted.

    Raises:
        DeployError: `no-library`; not for an aioble that nobody asked for, for without it a board
            takes its WiFi over the cable.
    """
    plan = work.plan
    for name in libs.wanted(work.firmware.offers, has_aioble=_wants_bluetooth(plan)):
        try:
            work.copier.copy(libs.files([name], plan.libraries), work.progress)
        except DeployError as error:
            if name != "aioble" or plan.has_aioble:
                raise
            work.say(f"no Bluetooth: {error}")


def _wants_bluetooth(plan: Plan) -> bool:
    """As asked; else where the board is to get its WiFi later."""
    if plan.has_aioble is not None:
        return plan.has_aioble
    return plan.wifi is None and plan.config.get("provisioning") != "off"


def copy_golden(work: Work) -> None:
    """Bring the golden runtime, and nothing else, into /device."""
    work.golden = {f"/{path}": content for path, content in release.golden().items()}
    work.copier.keep_only(["/device"], work.golden)
    work.copier.copy(work.golden, work.progress)


def copy_starters(work: Work) -> None:
    """Bring boot.py and main.py; a program of the owner's own is kept beside."""
    starters = {f"/{name}": content for name, content in sources.starters().items()}
    for path in starters:
        if work.board.run(agent.set_aside(path, path + _SAVED)).strip() == "True":
            work.say(f"the board's own {path} is kept as {path + _SAVED}")
    work.copier.copy(starters, work.progress)
    removed = f", {work.copier.removed} removed" if work.copier.removed else ""
    work.say(f"copied {work.copier.copied} files, {work.copier.unchanged} unchanged{removed}")
    for name in ("copied", "unchanged", "removed"):
        setattr(work.outcome, name, getattr(work.copier, name))
