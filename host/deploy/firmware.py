"""What firmware a board runs, and whether it will do."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from host.deploy import agent
from host.deploy.board import Board
from host.deploy.errors import DeployError

OLDEST = (1, 25)
ABI = 6
_MODEL = re.compile(r"[A-Z][A-Z0-9_]*")
_NEEDED = ("asyncio", "esp32", "hashlib", "json", "machine", "network", "ssl")
_OPTIONAL = ("umqtt.simple", "deflate", "ntptime")
_DOWNLOAD = "flash a current one from https://micropython.org/download/"


@dataclass(frozen=True)
class Firmware:
    """What a board says of itself."""

    version: tuple[int, ...]
    text: str
    offers: frozenset[str]
    free_blocks: int

    @property
    def has_mqtt(self) -> bool:
        """Whether umqtt.simple can be imported already."""
        return "umqtt.simple" in self.offers


def inspect(board: Board) -> Firmware:
    """Ask the board.

    Raises:
        DeployError: `not-micropython`, `old-firmware`, `wrong-abi`, or `missing-modules`.
    """
    try:
        said = json.loads(board.run(agent.INSPECT % (_NEEDED + _OPTIONAL,)))
    except ValueError as error:
        raise DeployError(
            "not-micropython", "the board's answer makes no sense", _DOWNLOAD
        ) from error
    why = reason_against(said)
    if why:
        raise DeployError(*why, _DOWNLOAD)
    return Firmware(
        tuple(said["version"]),
        f"MicroPython {_dotted(said['version'])} on {said['build'] or 'an unnamed board'}",
        frozenset(said["offers"]),
        said["free"] * said["block"] // 4096,
    )


def reason_against(said: dict) -> tuple[str, str] | None:
    """Word and sentence for a firmware that will not do, or None. Pure."""
    version = tuple(said["version"][:2])
    missing = sorted(set(_NEEDED) - set(said["offers"]))
    checks = (
        (said["name"] != "micropython", "not-micropython", f"the board runs {said['name']}"),
        (
            version < OLDEST,
            "old-firmware",
            f"the board runs MicroPython {_dotted(version)}, {_dotted(OLDEST)} is the oldest "
            "that will do",
        ),
        (
            said["abi"] != ABI,
            "wrong-abi",
            f"the board loads .mpy version {said['abi']}, the runtime is version {ABI}",
        ),
        (
            bool(missing),
            "missing-modules",
            f"the board's firmware lacks {', '.join(missing)}",
        ),
    )
    return next(((word, detail) for applies, word, detail in checks if applies), None)


def is_model(name: str) -> bool:
    """Whether a build name is a board's: those of MicroPython's ports for computers are small."""
    return bool(_MODEL.fullmatch(name))


def _dotted(version: Sequence[int]) -> str:
    return ".".join(map(str, version))
