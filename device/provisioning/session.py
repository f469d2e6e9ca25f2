"""Where provisioning stands, and what is right there (SPEC section 16). Pure: time is an argument.

Of network and password there is one attempt at a time, whoever asked for it.
"""

from micropython import const

from device.provisioning.improv import (
    AUTHORIZED,
    HOSTNAME,
    IDENTIFY,
    INFO,
    NOT_AUTHORIZED,
    PROVISIONED,
    PROVISIONING,
    REQUIRED,
    SCAN,
    SETTINGS,
    UNKNOWN,
    UNKNOWN_COMMAND,
    ImprovError,
)

OPEN_S = const(600)  # in all, after a deploy
_PRESS_S = const(60)
_MINUTE_S = const(60)
_NETWORKS_MAX = const(8)
_LETTERS = const("ABCDEFGHJKMNPQRSTVWXYZ23456789")  # none that people mix up

# Settings of config.json that nobody else reads.
DEFAULTS = {"paired": False, "passkey": 0, "led_pin": 2}

# What a command leads to in each state: an action, or the error of why not.
ACTIONS = {
    # command:  required        authorized   provisioning  provisioned
    SETTINGS: (NOT_AUTHORIZED, "try", "try", "try"),
    IDENTIFY: ("identify", "identify", "identify", "identify"),
    INFO: ("inform", "inform", "inform", "inform"),
    SCAN: ("scan", "scan", UNKNOWN, UNKNOWN),
    HOSTNAME: (NOT_AUTHORIZED, "rename", UNKNOWN, UNKNOWN),
}


def action(command, state):
    """What to do about a command.

    Raises:
        ImprovError: nothing; why not.
    """
    found = ACTIONS.get(command, (UNKNOWN_COMMAND,) * 4)[state - 1]
    if isinstance(found, int):
        raise ImprovError(found, "not now" if command in ACTIONS else "no such command")
    return found


def letter(byte):
    """A letter of a claim code, of a random byte; none of one byte in sixteen."""
    return _LETTERS[byte % 30] if byte < 240 else ""  # so that each letter is as likely


def claim_url(host, device_id, code):
    """Where a person makes this board their own; without a code it claims nothing."""
    address = host["addresses"][0]
    if ":" in address:
        address = "[" + address + "]"
    console = host.get("console") or "https://%s:%d" % (address, host["port"])
    return console + "/claim?device=" + device_id + ("&code=" + code if code else "")


def heard(entries):
    """Name, dBm and security of each network of a scan, as bytes, strongest first."""
    best = {}  # type: dict[bytes, tuple[int, bytes]]
    for entry in entries:  # ssid, bssid, channel, rssi, security, hidden
        name = bytes(entry[0])
        if name and (name not in best or entry[3] > best[name][0]):
            best[name] = (entry[3], b"WPA2" if entry[4] else b"NO")
    ranked = sorted([(-dbm, name, kind) for name, (dbm, kind) in best.items()])
    return [(name, b"%d" % -dbm, kind) for dbm, name, kind in ranked]


def next_charge(mode, opened):
    """`opened` with the next minute in it, to be kept before that begins; None: it is over."""
    if mode != "open" or not 0 <= opened < OPEN_S:
        return None
    return min(opened + _MINUTE_S, OPEN_S)


def readable(ssid):
    """A network's name as text; as it is, in bytes, where it is none."""
    try:
        return ssid.decode()
    except UnicodeError:
        return ssid


def added(known, ssid, password):
    """The list of wifi.json with this network first; at most eight, each once."""
    name = readable(ssid)
    is_text = isinstance(name, str)
    entry = {"ssid": name} if is_text else {"ssid_hex": "".join(["%02x" % c for c in ssid])}
    others = [n for n in known if not all(n.get(k) == v for k, v in entry.items())]
    entry["password"] = password.decode()
    return [entry] + others[: _NETWORKS_MAX - 1]


class Session:
    """The states of Improv, and whose turn it is."""

    def __init__(self):
        self._until_s = None  # anybody may hand over credentials
        self._was_open = False
        self.wanted = None  # (ssid, password) of the last attempt
        self.is_trying = False
        self.url = None  # after success

    def admit(self, now_s, seconds=_PRESS_S):
        """The button was pressed, or a minute of the open time begins."""
        until_s = now_s + seconds
        self._until_s = until_s if self._until_s is None else max(until_s, self._until_s)

    def state(self, now_s, is_trusted=False):
        """Improv's state. `is_trusted`: the line is one that needs no authorization."""
        if self.url:
            return PROVISIONED
        if self.is_trying:
            return PROVISIONING
        return AUTHORIZED if is_trusted or self._is_open(now_s) else REQUIRED

    def _is_open(self, now_s):
        return self._until_s is not None and now_s < self._until_s

    def begin(self, wanted, now_s):
        """Whether an attempt begins; not so where this very one has begun, or succeeded.

        Raises:
            ImprovError: another one has.
        """
        if (self.is_trying or self.url) and wanted != self.wanted:
            raise ImprovError(UNKNOWN, "another network is being tried")
        if self.is_trying or self.url:
            return False
        self.wanted = wanted
        self.is_trying = True
        self._was_open = self._is_open(now_s)
        return True

    def succeed(self, url):
        """The network took us."""
        self.is_trying = False
        self.url = url

    def fail(self, now_s):
        """It did not. Who was admitted may try again; the attempt may have outlasted that."""
        self.is_trying = False
        if self._was_open:
            self.admit(now_s)
