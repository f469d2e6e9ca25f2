"""What firmware a board runs, and whether it will do."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from host.deploy import agent, layout
from host.deploy.board import Board
from host.deploy.errors import DeployError
from host.deploy.layout import MB, Layout, Partition

OLDEST = (1, 25)
ABI = 6
_MODEL = re.compile(r"[A-Z][A-Z0-9_]*")
_NEEDED = ("asyncio", "esp32", "hashlib", "json", "machine", "network", "ssl")
_OPTIONAL = ("umqtt.simple", "aioble", "deflate", "ntptime")
_DOWNLOAD = (
    "flash a current one: mpfleet deploy --firmware FILE (https://micropython.org/download/)"
)


@dataclass(frozen=True)
class Firmware:
    """What a board says of itself."""

    version: tuple[int, ...]
    text: str
    offers: frozenset[str]
    free_blocks: int
    flash_bytes: int  # 0: not known
    layout: Layout


def inspect(board: Board) -> Firmware:
    """Ask the board.

    Raises:
        DeployError: `not-micropython`, `old-firmware`, `wrong-abi`, `missing-modules`, or
            `small-flash`.
    """
    _check(_said(board, agent.WHO))  # another firmware may lack what the rest asks
    said = _said(board, agent.INSPECT % (_NEEDED + _OPTIONAL,))
    _check(said)
    return Firmware(
        tuple(said["version"]),
        f"MicroPython {_dotted(said['version'])} on {said['build'] or 'an unnamed board'}",
        frozenset(said["offers"]),
        said["free"] * said["block"] // 4096,
        said["flash"],
        Layout(Partition(p[4], *p[:4]) for p in said["partitions"]),
    )


def describe(firmware: Firmware, is_known: bool) -> str:
    """A firmware in one line; with its flash, where the loader did not say it. Pure."""
    size = f", {firmware.flash_bytes // MB} MB of flash" if firmware.flash_bytes else ""
    flash = "" if is_known else f"{size}, {layout.describe(firmware.layout)}"
    return f"{firmware.text}{flash}, {firmware.free_blocks * 4} kB free"


def _said(board: Board, code: str) -> dict:
    try:
        return json.loads(board.run(code))
    except ValueError as error:
        raise DeployError(
            "not-micropython", "the board's answer makes no sense", _DOWNLOAD
        ) from error


def _check(said: dict) -> None:
    why = reason_against(said)
    if why:
        raise DeployError(*why, _DOWNLOAD)


def reason_against(said: dict) -> tuple[str, str] | None:
    """Word and sentence for a firmware that will not do, or None. Pure.

    What it does not say is not held against it.
    """
    version = tuple(said["version"][:2])
    missing = sorted(set(_NEEDED) - set(said.get("offers", _NEEDED)))
    abi, flash_bytes = said.get("abi", ABI), said.get("flash", 0)
    checks = (
        (said["name"] != "micropython", "not-micropython", f"the board runs {said['name']}"),
        (
            version < OLDEST,
            "old-firmware",
            f"the board runs MicroPython {_dotted(version)}; older than {_dotted(OLDEST)} lacks "
            "what verified TLS and resuming need",
        ),
        (
            abi != ABI,
            "wrong-abi",
            f"the board loads .mpy version {abi}, the runtime is version {ABI}",
        ),
        (
            bool(missing),
            "missing-modules",
            f"the board's firmware lacks {', '.join(missing)}",
        ),
        (layout.is_too_small(flash_bytes), *layout.too_small(flash_bytes)[:2]),
    )
    return next(((word, detail) for applies, word, detail in checks if applies), None)


def is_model(name: str) -> bool:
    """Whether a build name is a board's: those of MicroPython's ports for computers are small."""
    return bool(_MODEL.fullmatch(name))


def _dotted(version: Sequence[int]) -> str:
    return ".".join(map(str, version))
