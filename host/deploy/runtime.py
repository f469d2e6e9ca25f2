"""The files of every board: libraries, the golden runtime, boot.py and main.py."""

from host.builder import release
from host.builder import runtime as sources
from host.deploy import agent, libs
from host.deploy.work import Work

_SAVED = ".before-mpfleet"  # a board's own main.py is somebody's work


def copy_libraries(work: Work) -> None:
    """Bring what the firmware lacks: umqtt.simple, and aioble where it is asked for."""
    wanted = libs.wanted(work.firmware.offers, work.plan.has_aioble)
    if wanted:
        work.copier.copy(libs.files(wanted, work.plan.libraries), work.progress)


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
