"""The WiFi station of a virtual board: what an ESP32 does for network.WLAN, and its statuses."""

from simulator.radio import AccessPoint

IDLE, CONNECTING, GOT_IP = 1000, 1001, 1010
BEACON_TIMEOUT, NO_AP_FOUND, WRONG_PASSWORD, ASSOC_FAIL = 200, 201, 202, 203
_JOIN_S = 0.05  # 2 to 4 seconds on a board
_RETRY_S = 0.3
_WATCH_S = 0.1  # how soon a lost access point is noticed
_SHOWN = (NO_AP_FOUND, WRONG_PASSWORD)  # also while it tries again; others only when it gave up
FOREVER = -1


class StationError(Exception):
    """The radio cannot do that in this state; the text is ESP-IDF's."""


class Station:
    """Joins access points of `radio`; `when_changed` is called whenever the board comes online or
    goes offline; while `is_deaf` it hears nobody.
    """

    def __init__(self, loop, radio, address, when_changed, is_deaf=lambda: False):
        self._loop = loop
        self._radio = radio
        self.address = address
        self._when_changed = when_changed
        self._is_deaf = is_deaf
        self.mac = b""
        self.hostname = ""
        self._timer = None
        self.reset()

    def reset(self):
        """The radio is off, as after any reset but a soft one."""
        was_online = getattr(self, "is_online", False)
        self._stop_timer()
        self.is_active = False
        self.is_online = False
        self.reconnects = FOREVER
        self._wanted = None
        self._tries = 0
        self._reason = 0
        self.joined: AccessPoint | None = None
        if was_online:
            self._when_changed()

    def activate(self, on):
        """Switch the station on or off."""
        if on != self.is_active:
            self.reset()
            self.is_active = on
        return self.is_active

    def connect(self, ssid, password):
        """Begin to join. Without a name the last one counts.

        Raises: StationError.
        """
        if not self.is_active:
            raise StationError("Wifi Not Started")
        if self._timer is not None and not self.is_online:
            raise StationError("Wifi Internal State Error")
        if self.is_online:
            self._leave(0)
        if ssid is not None:
            self._wanted = (ssid, password or "")
        self._tries = 0
        self._after(_JOIN_S, self._try)

    def disconnect(self):
        """Leave, and try no more."""
        self._stop_timer()
        self._leave(0)
        self._wanted = None

    def status(self):
        """One of the codes above."""
        if self.is_online:
            return GOT_IP
        is_trying = self._wanted and self._timer is not None
        if is_trying and self._reason not in _SHOWN:
            return CONNECTING
        return self._reason or IDLE

    def scan(self):
        """What is on the air, as esp32's WLAN.scan() lists it."""
        if not self.is_active:
            raise StationError("Wifi Not Started")
        present = [a for a in self._radio.access_points if a.is_present and not self._is_deaf()]
        heard = sorted(present, key=lambda a: -a.signal_dbm)
        return [
            [a.ssid, a.bssid.hex(), a.channel, a.signal_dbm, 3 if a.password else 0, False]
            for a in heard
        ]

    def _find(self, ssid):
        return None if self._is_deaf() else self._radio.find(ssid)

    def _try(self):
        ssid, password = self._wanted
        found = self._find(ssid)
        self._reason = _refusal(found, password)
        if not self._reason:
            self.joined = found
            self._tries = 0
            self.is_online = True
            self._after(_WATCH_S, self._watch)
            self._when_changed()
            return
        self._tries += 1
        if self.reconnects == FOREVER or self._tries <= self.reconnects:
            self._after(_RETRY_S, self._try)
        else:
            self._timer = None

    def _watch(self):
        if _refusal(self._find(self._wanted[0]), self._wanted[1]):
            self._leave(BEACON_TIMEOUT)
            self._after(_RETRY_S, self._try)
        else:
            self._after(_WATCH_S, self._watch)

    def _leave(self, reason):
        self._reason = reason
        self.joined = None
        if self.is_online:
            self.is_online = False
            self._when_changed()

    def _after(self, seconds, function):
        self._stop_timer()
        self._timer = self._loop.after(seconds, function)

    def _stop_timer(self):
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _refusal(access_point, password):
    """Why this access point does not let us in, 0 if it does."""
    if access_point is None:
        return NO_AP_FOUND
    if access_point.fails:
        return ASSOC_FAIL
    if access_point.password and access_point.password != password:
        return WRONG_PASSWORD
    return 0
