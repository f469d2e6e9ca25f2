"""What a board is, asked of the loader in its ROM where the port can reset the board into it."""

from host.deploy import layout, ports
from host.deploy.binary import Chip
from host.deploy.errors import DeployError
from host.deploy.layout import MB
from host.deploy.loader import Loader
from host.deploy.work import Work


def look(work: Work) -> None:
    """Ask the loader; a board that does not enter it is asked through MicroPython later.

    Raises:
        DeployError: `no-reset`, `no-loader`, `small-flash`, `encrypted-flash`, and a port's.
    """
    if not ports.has_reset(work.port):
        if work.plan.firmware:
            raise DeployError(
                "no-reset",
                f"{work.port} has no reset lines (DTR and RTS): nothing can be flashed through it",
                "use a USB serial port, or rfc2217://",
            )
        work.say("this port has no reset lines: MicroPython is asked what the board is")
        return
    try:
        work.loader = Loader(work.port, is_needed=bool(work.plan.firmware))
    except DeployError as error:
        if error.code != "no-loader" or work.plan.firmware:
            raise
        work.say("the chip does not enter its loader: MicroPython is asked what the board is")
        return
    work.chip = work.loader.chip()
    work.say(describe(work.chip))
    if layout.is_too_small(work.chip.flash_bytes):
        raise DeployError(*layout.too_small(work.chip.flash_bytes))


def describe(chip: Chip) -> str:
    """A chip in one line."""
    size = f"{chip.flash_bytes // MB} MB" if chip.flash_bytes else "unknown"
    return f"{chip.name}, {size} of flash, {layout.describe(chip.layout)}"
