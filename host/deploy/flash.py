"""MicroPython onto a board, through the loader in its ROM."""

from pathlib import Path

from host.deploy import binary, layout, relayout
from host.deploy.binary import Binary
from host.deploy.errors import DeployError
from host.deploy.work import Work


def write(work: Work) -> None:
    """Flash the firmware file of the plan, if there is one; the board then starts.

    Everything is decided before the first byte is written.

    Raises:
        DeployError: what `binary` and `relayout` raise, `not-agreed`, or the loader's.
    """
    if work.plan.firmware:
        _write(work, work.plan.firmware)
    if work.loader:
        work.loader.close()
        work.loader = None


def _write(work: Work, file: Path) -> None:
    wanted = binary.read(_content(file))
    if why := binary.reason_against(wanted, work.chip):
        raise why
    if wanted.layout and not wanted.layout.is_ota:
        wanted = relayout.with_ota(wanted)
        work.say("the file has one app partition: laid out for two, for updates over the air")
    wanted = binary.placed(wanted, work.chip)
    tail = _nvs_tail(work, wanted)
    if wanted.layout and (losses := layout.lost(work.chip.layout, wanted.layout, tail)):
        words = " and ".join(losses)
        work.agree(f"Flashing {file.name} changes the layout, so the board loses {words}")
    work.say(f"writing MicroPython {wanted.version}")
    work.loader.write(binary.segments(wanted, work.chip, tail), work.progress)
    work.say("written, and read back")


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DeployError("no-file", f"{file}: {error.strerror}", "check the path") from error


def _nvs_tail(work: Work, wanted: Binary) -> bytes:
    """What lies where a larger NVS was: identity stays if that is blank."""
    old, new = work.chip.layout.nvs, wanted.layout.nvs
    if not old or not new or old.offset != new.offset or old.size <= new.size:
        return b""
    return work.loader.read(new.end, old.size - new.size)
