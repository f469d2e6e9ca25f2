"""Improv's packets and what may stand in them (SPEC section 16). Pure: bytes in, bytes out.

Over Bluetooth a command ends in a sum of its own; over serial it lies in a frame that does.
"""

from micropython import const

SETTINGS = const(1)
IDENTIFY = const(2)
INFO = const(3)
SCAN = const(4)
HOSTNAME = const(5)

REQUIRED = const(1)
AUTHORIZED = const(2)
PROVISIONING = const(3)
PROVISIONED = const(4)

NO_ERROR = const(0)
INVALID = const(1)
UNKNOWN_COMMAND = const(2)
UNABLE = const(3)
NOT_AUTHORIZED = const(4)
BAD_HOSTNAME = const(5)
UNKNOWN = const(255)

STATE_FRAME = const(1)
ERROR_FRAME = const(2)
COMMAND_FRAME = const(3)
RESULT_FRAME = const(4)

CAPABILITIES = const(15)  # identify, device info, scan, hostname
BYTES_MAX = const(255)  # of data: its length is one byte
SERVICE = "00467768-6228-2272-4663-277478268000"

_SSID_BYTES_MAX = const(32)
_HOSTNAME_CHARS_MAX = const(32)  # what MicroPython takes; Improv would allow 255
_HEX = "0123456789abcdefABCDEF"
_HEADER = b"IMPROV\x01"
_STALE_MS = const(2000)  # what is not whole by then never will be
_CTRL_C = const(3)


class ImprovError(Exception):
    """A packet that is refused; `number` is Improv's own for why."""

    def __init__(self, number, why):
        super().__init__(number, why)
        self.number = number
        self.why = why


def checked(data):
    """These bytes with the sum that ends a packet or a frame."""
    return data + bytes((sum(data) & 255,))


def strings(data):
    """The strings of a packet's data, each behind its length.

    Raises:
        ImprovError: a length leads over the end.
    """
    found, at = [], 0
    while at < len(data):
        end = at + 1 + data[at]
        if end > len(data):
            raise ImprovError(INVALID, "a string ends behind the data")
        found.append(bytes(data[at + 1 : end]))
        at = end
    return found


def result(command, values):
    """A result without its sum; what it has no room for is left out."""
    data = packed(values)
    return bytes((command, len(data))) + data


def packed(values):
    """Strings, each behind its length, as many as one packet holds."""
    data = b""
    for value in values:
        if len(data) + 1 + len(value) > BYTES_MAX:
            break
        data += bytes((len(value),)) + value
    return data


def fitting(groups):
    """The strings of the first groups, whole ones, of which one packet holds all."""
    found, n = [], 0
    for group in groups:
        n += sum([1 + len(value) for value in group])
        if n > BYTES_MAX:
            break
        found += group
    return found


def frame(kind, data):
    """A frame of the serial port."""
    return checked(_HEADER + bytes((kind, len(data))) + data) + b"\n"


def advertisement(state):
    """The 31 bytes that an Improv client looks for."""
    uuid = bytes(int(SERVICE.replace("-", "")[i : i + 2], 16) for i in range(30, -1, -2))
    data = b"\x09\x16\x77\x46" + bytes((state, CAPABILITIES, 0, 0, 0, 0))
    return b"\x02\x01\x06\x11\x07" + uuid + data


def credentials(data):
    """SSID and password, as bytes, of the data of a SETTINGS command.

    Raises:
        ImprovError: INVALID; UNABLE for a password that no network has.
    """
    found = strings(data)
    if len(found) != 2:
        raise ImprovError(INVALID, "not a name and a password")
    check(*found)
    return tuple(found)


def check(ssid, password):
    """Whether WiFi can have such a name and such a password, bytes.

    Raises:
        ImprovError: INVALID for the name, UNABLE for the password.
    """
    if not 0 < len(ssid) <= _SSID_BYTES_MAX:
        raise ImprovError(INVALID, "the name of a network has 1 to 32 bytes")
    n = len(password)
    is_text = n <= 63 and all(32 <= c <= 126 for c in password)
    is_key = n == 64 and all(chr(c) in _HEX for c in password)
    if not (n == 0 or (n >= 8 and is_text) or is_key):
        raise ImprovError(UNABLE, "a password has 8 to 63 characters, or is 64 hex digits")


def hostname(data):
    """The name in the data of a HOSTNAME command, with or without a length of its own.

    Raises:
        ImprovError: BAD_HOSTNAME.
    """
    name = bytes(data[1:] if data[0] == len(data) - 1 else data)
    is_good = 0 < len(name) <= _HOSTNAME_CHARS_MAX and all(
        c == 45 or 48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122 for c in name
    )
    if not is_good or name[0] == 45 or name[-1] == 45:
        raise ImprovError(BAD_HOSTNAME, "a hostname has 1 to 32 letters, digits and inner -")
    return name.decode()


class Packets:
    """Takes what is written to a characteristic: parts of packets, one, or several."""

    def __init__(self):
        self._held = b""
        self._since = 0

    def feed(self, data, now_ms):
        """Whole packets as (command, data); an ImprovError in place of what is none.

        After a wrong sum nothing says where the next one begins: the rest is dropped.
        """
        if self._held and now_ms - self._since > _STALE_MS:
            self._held = b""
        held = self._held + bytes(data)
        found = []  # type: list[tuple[int, bytes] | ImprovError]
        while len(held) >= 2 and len(held) >= 3 + held[1]:
            packet, held = held[: 3 + held[1]], held[3 + held[1] :]
            if checked(packet[:-1]) != packet:
                held = b""
                found.append(ImprovError(INVALID, "wrong sum"))
            else:
                found.append((packet[0], packet[2:-1]))
        self._held = held
        self._since = now_ms
        return found


class Frames:
    """Takes what comes over the serial port, of which frames are a part."""

    def __init__(self):
        self._held = b""
        self._since = 0

    def feed(self, byte, now_ms):
        """A frame's (command, data), an ImprovError in its place, or None.

        Raises:
            KeyboardInterrupt: Ctrl-C, which a 3 is outside of a frame.
        """
        if now_ms - self._since > _STALE_MS:
            self._held = b""
        self._since = now_ms
        held = self._held + bytes((byte,))
        start = held[: len(_HEADER)]
        if _HEADER[: len(start)] != start:
            if byte == _CTRL_C:
                raise KeyboardInterrupt
            held = held[-1:] if byte == _HEADER[0] else b""
        n = len(_HEADER)
        is_whole = len(held) > n + 2 and len(held) >= n + 3 + held[n + 1]
        self._held = b"" if is_whole else held
        return self._open(held[n], held[n + 2 : -1], held) if is_whole else None

    def _open(self, kind, data, held):
        if checked(held[:-1]) != held:
            return ImprovError(INVALID, "wrong sum")
        if kind != COMMAND_FRAME:
            return None  # our own, come back as an echo
        if len(data) < 2 or data[1] != len(data) - 2:
            return ImprovError(INVALID, "wrong length")
        return data[0], data[2:]
