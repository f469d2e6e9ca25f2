"""A person at a Bluetooth terminal (Nordic UART): lines in, lines out. Pure.

It is a line like Improv's: it is told states, errors and results, and says them in words.
"""

from micropython import const

from device.provisioning.improv import (
    AUTHORIZED,
    INVALID,
    NOT_AUTHORIZED,
    PROVISIONED,
    PROVISIONING,
    REQUIRED,
    SETTINGS,
    UNABLE,
    UNKNOWN,
)

_LINE_BYTES_MAX = const(128)
_NAME = "Name of the WiFi network?"
_STATES = {
    REQUIRED: "Press the board's button first.",
    AUTHORIZED: _NAME,
    PROVISIONING: "Joining, this may take half a minute...",
    PROVISIONED: "Done. The board starts anew.",
}
_ERRORS = {
    INVALID: "A network's name has 1 to 32 characters.",
    UNABLE: "It did not work: look at name and password.",
    NOT_AUTHORIZED: "Press the board's button first. Or pair, where the board asks for it.",
    UNKNOWN: "Not now: another network is being tried, or the board has no room.",
}


class Terminal:
    """What was typed so far. `say` sends text."""

    is_trusted = False
    is_serial = False

    def __init__(self, say):
        self._say = say
        self.forget()

    def forget(self):
        """Who typed has left."""
        self._held = b""
        self._is_after_return = False
        self._ssid = None
        self._was_asked = False

    def feed(self, data):
        """The (ssid, password) that are complete with these bytes."""
        found = []
        for byte in data:
            c = bytes((byte,))
            is_pair = c == b"\n" and self._is_after_return  # CR LF ends one line
            self._is_after_return = c == b"\r"
            if is_pair:
                continue
            if c not in b"\r\n":
                self._held = (self._held + c)[:_LINE_BYTES_MAX]
                continue
            line, self._held = self._held, b""
            found += self._take(line)
        return found

    def _take(self, line):
        self._was_asked = True
        if self._ssid is None:
            self._ssid = line or None
            self._say("Password? (empty: none)" if line else _NAME)
            return []
        ssid, self._ssid = self._ssid, None
        return [(ssid, line)]

    def state(self, number):
        """Improv's state is this."""
        if self._was_asked:
            self._say(_STATES[number])

    def error(self, number):
        """What was asked for was refused, or failed."""
        if number:
            self._say(_ERRORS.get(number, "That went wrong."))

    def result(self, command, values):
        """The answer to what was asked for."""
        if command == SETTINGS:
            self._say("Joined. Now make the board yours: " + values[0].decode())
