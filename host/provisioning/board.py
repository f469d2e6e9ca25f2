"""A board that waits for its WiFi, whichever way it is spoken to, and what is said in order."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from host.provisioning.errors import ProvisioningError

AUTHORIZE_S = 60  # for somebody to reach the board and press its button
JOIN_S = 45  # a board gives up after 30 s, and says so
ANSWER_S = 10
SCAN_S = 20

Say = Callable[[str, str], None]  # a step's word, and a sentence


class Identity(NamedTuple):
    """What a board says of itself."""

    firmware: str
    version: str
    model: str
    name: str


class Network(NamedTuple):
    """A WiFi network that a board hears."""

    ssid: str
    dbm: int
    is_open: bool


class Board(Protocol):
    """An open connection to one board. Each method raises ProvisioningError."""

    async def identity(self) -> Identity:
        """What it is."""

    async def identify(self) -> None:
        """Make it blink."""

    async def is_authorized(self) -> bool:
        """Whether it takes settings from here."""

    async def wait_until_authorized(self) -> None:
        """Return once it does, `AUTHORIZE_S` at most: `not-authorized`."""

    async def scan(self) -> list[Network]:
        """The networks it hears, the strongest first."""

    async def rename(self, hostname: str) -> None:
        """Give it a name in its network."""

    async def join(self, ssid: str, password: str) -> str:
        """Hand over a network; the address at which the board is claimed, "" without one."""


async def sequence(board: Board, ssid: str, password: str, hostname: str, say: Say) -> str:
    """Everything in order, from a board that answers to one in its network; where it is claimed.

    Raises:
        ProvisioningError: at the step that failed; nothing of it was kept by the board.
    """
    about = await board.identity()
    say("board", f"{about.name}: {about.model}, {about.firmware} {about.version}")
    if not await board.is_authorized():
        say("button", f"press the board's BOOT button, within {AUTHORIZE_S} s")
        await board.wait_until_authorized()
    if hostname:
        await board.rename(hostname)
        say("name", hostname)
    say("join", f"{ssid}, which takes up to half a minute")
    address = await board.join(ssid, password)
    say("joined", ssid)
    return address


def check(ssid: str, password: str) -> None:
    """Refuse what no WiFi has, before a board is bothered.

    Raises:
        ProvisioningError: `bad-ssid`, `bad-password`.
    """
    if not 1 <= len(ssid.encode()) <= 32:
        raise ProvisioningError("bad-ssid", "the name of a network has 1 to 32 bytes")
    length = len(password.encode())
    is_key = length == 64 and all(c in "0123456789abcdefABCDEF" for c in password)
    if length and not 8 <= length <= 63 and not is_key:
        text = "the password of a network has 8 to 63 bytes, or 64 hex digits, or there is none"
        raise ProvisioningError("bad-password", text)


def networks(triples: list[tuple[str, str, str]]) -> list[Network]:
    """Networks of (name, dBm, protection), each name once, the strongest first."""
    found: dict[str, Network] = {}
    for ssid, dbm, protection in triples:
        one = Network(ssid, int(dbm), protection == "NO")
        if ssid and (ssid not in found or found[ssid].dbm < one.dbm):
            found[ssid] = one
    return sorted(found.values(), key=lambda network: -network.dbm)
