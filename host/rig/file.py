"""The rig file: one TOML file that says which boards there are and how they are reached."""

import difflib
import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from host.rig.errors import RigError

LOOPBACK = ("127.0.0.1", "::1", "localhost")
_PASSWORD = "MPFLEET_WIFI_PASSWORD"  # noqa: S105 - the variable's name


class _Table(BaseModel):
    """A table of the file; a name that is not known is said together with those that are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _know_names(cls, given: Any) -> Any:
        known = list(cls.model_fields)
        for name in given if isinstance(given, dict) else ():
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f", did you mean {near[0]!r}?" if near else "."
                raise ValueError(f"unknown field {name!r}{hint} Allowed: {', '.join(known)}")
        return given


class HostTable(_Table):
    """The host that a session starts, and where boards find it."""

    listen: str = "127.0.0.1"
    address: str = "127.0.0.1"  # as boards reach it
    port: int = Field(0, ge=0, le=65535)  # 0: one that is free
    mqtt_port: int = Field(0, ge=0, le=65535)


class WifiTable(_Table):
    """The network that boards join; without a password it is an open one."""

    ssid: str = Field(min_length=1, max_length=32)
    password: str | None = Field(None, max_length=64)  # absent: from the environment, or none

    @property
    def key(self) -> str:
        """The password, "" for an open network."""
        return os.environ.get(_PASSWORD, "") if self.password is None else self.password


class NoPower(_Table):
    """Nobody can switch it: it is reset by its control lines, or through its prompt."""

    by: Literal["none"] = "none"


class Uhubctl(_Table):
    """A USB hub that switches its ports, by the program uhubctl."""

    by: Literal["uhubctl"]
    location: str  # of the hub, as uhubctl lists it: 1-1.4
    hub_port: int = Field(ge=1, le=16)
    program: str = "uhubctl"
    off_s: float = Field(2.0, ge=0.1, le=60)  # what is stored in the board has to drain


class Relay(_Table):
    """A USB relay board with the four-byte protocol (docs/RIG.md)."""

    by: Literal["relay"]
    port: str
    channel: int = Field(1, ge=1, le=16)
    baud: int = Field(9600, ge=300)
    wired: Literal["normally-open", "normally-closed"] = "normally-open"
    off_s: float = Field(2.0, ge=0.1, le=60)


class Virtual(_Table):
    """No hardware: a board of simulator/, whose power is ours."""

    by: Literal["virtual"]


class Qemu(_Table):
    """No hardware: an emulator's process, killed and started again.

    In `command`, `{flash}` is the copy of the flash image that this board writes, `{serial}`
    the value of QEMU's -serial.
    """

    by: Literal["qemu"]
    command: list[str] = Field(min_length=1)
    flash: Path  # copied at the start of a session
    serial: Literal["tcp", "pty"] = "tcp"


AnyPower = Annotated[NoPower | Uhubctl | Relay | Virtual | Qemu, Field(discriminator="by")]


class BoardTable(_Table):
    """One board."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$")
    port: str = ""  # pyserial's: a device, socket://…, rfc2217://…
    model: str = "ESP32_GENERIC"
    power: AnyPower = NoPower()
    firmware: list[Path] = []  # images (.app-bin) to update to: two, as one of them may run
    patience: float = Field(1.0, ge=0.1, le=100)  # every time limit is multiplied by it

    @property
    def is_simulated(self) -> bool:
        """Whether it has no port of its own: it is made for the session."""
        return self.power.by in ("virtual", "qemu")

    @model_validator(mode="after")
    def _has_port(self) -> "BoardTable":
        if self.is_simulated == bool(self.port):
            detail = "makes its own port: remove it" if self.port else "needs its serial port"
            raise ValueError(f"port: a board with power by {self.power.by} {detail}")
        return self


class Rig(_Table):
    """All of the file."""

    host: HostTable = HostTable()
    wifi: WifiTable | None = None
    resets: int = Field(100, ge=1, le=10_000)
    boards: list[BoardTable] = Field(min_length=1)

    @model_validator(mode="after")
    def _fits_together(self) -> "Rig":
        names = [board.name for board in self.boards]
        if len(set(names)) < len(names):
            raise ValueError(f"boards: two are called alike among {', '.join(names)}")
        outside = [board.name for board in self.boards if board.power.by != "virtual"]
        if outside and self.wifi is None:
            raise ValueError(f"wifi: {outside[0]} needs the network it is to join")
        wired = [board.name for board in self.boards if not board.is_simulated]
        if wired and self.host.address in LOOPBACK:
            raise ValueError(
                f"host.address: {wired[0]} does not reach {self.host.address}; give this "
                "machine's address in the board's network, and host.listen the same or 0.0.0.0"
            )
        return self


def load(path: Path) -> Rig:
    """Read a rig file; the paths in it are relative to its folder.

    Raises:
        RigError: `rig-invalid`, with every mistake in it.
    """
    try:
        given = tomllib.loads(path.read_text())
    except OSError as error:
        raise RigError("rig-invalid", f"{path}: {error.strerror}") from error
    except ValueError as error:  # not TOML, not UTF-8
        raise RigError("rig-invalid", f"{path}: {error}") from error
    return parse(given, path.name, path.parent)


def parse(given: dict[str, Any], name: str, folder: Path) -> Rig:
    """The rig of what a file holds.

    Raises:
        RigError: `rig-invalid`.
    """
    try:
        rig = Rig.model_validate(given)
    except ValidationError as error:
        raise RigError("rig-invalid", "; ".join(_lines(error, name))) from error
    return rig.model_copy(update={"boards": [_placed(board, folder) for board in rig.boards]})


def _lines(error: ValidationError, name: str) -> list[str]:
    found = []
    for one in error.errors():
        place = ".".join(str(part) for part in one["loc"])
        said = one["msg"].removeprefix("Value error, ")
        found.append(f"{name}: {place}: {said}" if place else f"{name}: {said}")
    return found


def _placed(board: BoardTable, folder: Path) -> BoardTable:
    power = board.power
    if isinstance(power, Qemu):
        power = power.model_copy(update={"flash": folder / power.flash})
    firmware = [folder / path for path in board.firmware]
    return board.model_copy(update={"power": power, "firmware": firmware})
