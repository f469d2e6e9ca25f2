"""The air around a virtual board: access points, names, and the network behind them, with
everything that can go wrong.
"""

from dataclasses import dataclass, field

from simulator.fault import Faults

ODD_BYTES = "surrogateescape"  # how a name has those that are not UTF-8
LINK_STALL = "stall"  # in `Radio.names`: the look-up takes `Radio.stall_s` and then fails


@dataclass
class AccessPoint:
    """One WiFi network. An empty password means an open one.

    A name that is no text is `b"\xff".decode(errors=ODD_BYTES)`.
    """

    ssid: str
    password: str = ""
    signal_dbm: int = -55
    is_present: bool = True
    fails: bool = False  # lets nobody associate
    channel: int = 6
    bssid: bytes = field(default=b"\x02\x00\x00\xaa\xbb\x01")


class Radio:
    """What a test or a person changes while the board runs; read by the board's station and
    relays.

    `names` maps a host name to the address behind it, to None (no such name) or to LINK_STALL.
    Numeric addresses need no name. `ntp` is how far the time servers are off in seconds, or None
    where there are none. `unreachable` holds addresses from which nothing comes back, `routes`
    maps an (address, port) to the one that is really behind it. `lookups` has a
    (time.monotonic(), host, port) for each time the board began to connect, whatever came of it.
    """

    def __init__(self, access_points=(), names=None, ntp=0):
        self.access_points = list(access_points)
        self.names = dict(names or {})
        self.ntp = ntp
        self.stall_s = 5.0
        self.unreachable = set()
        self.routes = {}
        self.lookups = []
        self.faults = Faults()
        self.bytes_in = 0  # to the board
        self.bytes_out = 0
        self.connections = 0  # ever made
        self._is_stalled = False
        self._relays = None

    def attach(self, relays):
        """The board's own: where faults on connections go."""
        self._relays = relays

    def find(self, ssid):
        """The strongest access point of this name that is on the air, or None."""
        present = [a for a in self.access_points if a.ssid == ssid and a.is_present]
        return max(present, key=lambda a: a.signal_dbm, default=None)

    @property
    def is_stalled(self):
        """Whether bytes are held up in the air."""
        return self._is_stalled

    def stall(self):
        """From now on no byte passes, either way; connections stay open."""
        self._is_stalled = True
        self._tell("refresh")

    def resume(self):
        """Let bytes pass again, those held up first."""
        self._is_stalled = False
        self._tell("refresh")

    def drop(self):
        """Reset every connection the board has."""
        self._tell("drop")

    def plan(self, fault):
        """Let this Fault happen to the bytes that go by from now on."""
        self.faults.planned.append(fault)

    def _tell(self, what):
        if self._relays is not None:
            getattr(self._relays, what)()
