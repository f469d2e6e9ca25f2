"""The checks in their order. Those without a function run on boards, inside the sandbox."""

from collections.abc import Callable
from typing import NamedTuple

from host.verification import content, fit, security


class Check(NamedTuple):
    """A name for machines, a title for people, and what gives findings of a case."""

    name: str
    title: str
    run: Callable | None = None
    is_vital: bool = False  # where it fails nothing can run


CHECKS = (
    Check(content.NAME, content.TITLE, content.check, is_vital=True),
    Check(security.NAME, security.TITLE, security.check),
    Check(fit.IMAGES, "Firmware images", fit.images, is_vital=True),
    Check(fit.FITS, "Room on the boards", fit.boards),
    Check(fit.CODE, "Plain bytecode", fit.code, is_vital=True),
    Check("imports", "Imports and a day of running, in a board's heap"),
    Check("boots", "Boots and is healthy"),
    Check("updates", "Updates from what is in the field, and back"),
    Check("cuts", "Power cuts during the update"),
    Check("figures", "Heap and boot time"),
)
STATIC = tuple(check for check in CHECKS if check.run)
ON_BOARDS = tuple(check for check in CHECKS if not check.run)
