"""What a deploy is asked to do, whom it asks, and what it says meanwhile."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

ONLINE_WAIT_S = 120.0  # joining WiFi, the clock, TLS and registering take a board under a minute


class Network(NamedTuple):
    """One WiFi network; an open one has an empty password."""

    ssid: str
    password: str


@dataclass(frozen=True)
class Plan:
    """What a board is to be. `None` leaves what the board has."""

    product: str
    addresses: Sequence[str]  # of the host, as boards reach it, best first
    port: int
    mqtt_port: int
    fleet: str  # the name on the host's certificate
    ca_der: bytes
    root: bytes = b""  # the newest root of the fleet's signed metadata; empty: the host has none
    console: str = ""  # where people find the host; empty: at its first address
    wifi: Sequence[Network] | None = None
    model: str | None = None  # only where the firmware does not say
    number: int | None = None  # of the first release; None: the newest one
    watchdog_s: int | None = None
    config: Mapping[str, Any] = field(default_factory=dict)  # fields of config.json (SPEC 2)
    claims: bool = True  # hand the board an enrolment token of the user
    firmware: Path | None = None  # a file with MicroPython, to be flashed first
    new_identity: bool = False  # the board makes itself another secret
    libraries: Path | None = None  # a folder with umqtt and aioble, where none may be fetched
    has_aioble: bool | None = None  # Bluetooth's library; None: if it helps and can be had
    wait_s: float = ONLINE_WAIT_S
    patience: float = 1.0  # multiplies how long a slow board may take to answer


class Host(Protocol):
    """What a deploy needs of the host; `host.cli.client.Client` is one."""

    def releases(self, product: str) -> list[dict[str, Any]]:
        """Releases of a product (SPEC section 11)."""

    def manifest(self, product: str, number: int) -> bytes:
        """The exact bytes of a release's manifest."""

    def blob(self, sha256: str) -> bytes:
        """The bytes of this name."""

    def metadata(self, name: str) -> bytes:
        """A file of the signed metadata. Raises: ToolError `not-found`."""

    def enrolment_token(self, device_id: str | None = None) -> str:
        """A one-time token that makes a board the user's, or lets this device renew its secret."""

    def find_device(self, device_id: str) -> dict[str, Any] | None:
        """A device the user may see, or None."""


class Event(NamedTuple):
    """One thing a deploy says. With a total it is progress, else a sentence."""

    step: str
    text: str
    done: int = 0
    total: int = 0


Report = Callable[[Event], None]
Ask = Callable[[str], bool]  # whether a person agrees to what is said


@dataclass
class Outcome:
    """How a deploy ended."""

    device: str = ""
    copied: int = 0
    unchanged: int = 0
    removed: int = 0
    number: int | None = None  # the release written into slot a, if one was
    is_online: bool = False
    output: list[str] = field(default_factory=list)  # what the board said after its reset
