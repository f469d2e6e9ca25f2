"""network on a virtual board: the station interface of WLAN, with the ESP32's status codes."""

import binascii
import _board

STA_IF = 0
AP_IF = 1
STAT_IDLE = 1000
STAT_CONNECTING = 1001
STAT_GOT_IP = 1010
STAT_BEACON_TIMEOUT = 200
STAT_NO_AP_FOUND = 201
STAT_WRONG_PASSWORD = 202
STAT_ASSOC_FAIL = 203
STAT_HANDSHAKE_TIMEOUT = 204
AUTH_OPEN = 0
AUTH_WPA2_PSK = 3

_NETMASK, _GATEWAY = "255.255.255.0", "192.168.4.1"
_IGNORED = ("mac", "protocol", "ssid", "essid", "security", "authmode", "key", "password")
_hostname = "mpy-esp32"


def hostname(name=None):
    global _hostname
    if name is None:
        return _hostname
    if len(name) > 32:
        raise ValueError
    _hostname = name
    _board.call("wifi_hostname", name)


def country(code=None):
    return "XX"


def _hex(ssid):
    if isinstance(ssid, str):
        ssid = ssid.encode()
    return None if ssid is None else binascii.hexlify(ssid).decode()


class WLAN:
    """The station; the access point interface can be asked and switched off, but does nothing."""

    IF_STA = STA_IF
    IF_AP = AP_IF
    PM_NONE = 0
    PM_PERFORMANCE = 1
    PM_POWERSAVE = 2
    SEC_OPEN = AUTH_OPEN
    SEC_WPA2 = AUTH_WPA2_PSK

    def __init__(self, interface=STA_IF):
        if interface not in (STA_IF, AP_IF):
            raise ValueError("invalid WLAN interface identifier")
        self._is_station = interface == STA_IF
        self._settings = {"txpower": 20.0, "pm": self.PM_PERFORMANCE, "channel": 6}

    def active(self, on=None):
        if not self._is_station:
            return False
        if on is None:
            return _board.call("wifi_active")
        return _board.call("wifi_activate", bool(on))

    def connect(self, ssid=None, key=None, *, bssid=None):
        self._station_call("wifi_connect", _hex(ssid), key)

    def disconnect(self):
        self._station_call("wifi_disconnect")

    def isconnected(self):
        return self._is_station and _board.call("wifi_status") == STAT_GOT_IP

    def status(self, what=None):
        if what == "rssi":
            joined = _board.call("wifi_joined")
            if not joined:
                raise OSError("Wifi Not Connected")
            return joined[1]
        if what is not None:
            raise ValueError("unknown status param")
        return _board.call("wifi_status")

    def scan(self):
        return [
            (binascii.unhexlify(e[0]), binascii.unhexlify(e[1])) + tuple(e[2:])
            for e in self._station_call("wifi_scan")
        ]

    def ifconfig(self, settings=None):
        if settings is not None:
            return None
        if not self.isconnected():
            return ("0.0.0.0",) * 4
        return (_board.facts["address"], _NETMASK, _GATEWAY, _GATEWAY)

    def ipconfig(self, what=None, **settings):
        if what == "addr4":
            return self.ifconfig()[:2]
        if what == "gw4":
            return self.ifconfig()[2]
        if what == "dhcp4":
            return True
        if what is not None:
            raise ValueError("unknown config param")

    def config(self, what=None, **settings):
        if what is None:
            for key, value in settings.items():
                self._configure(key, value)
            return None
        if what == "mac":
            return binascii.unhexlify(_board.facts["id"])
        if what in ("ssid", "essid"):
            joined = _board.call("wifi_joined")
            return joined[0] if joined else ""
        if what in ("hostname", "dhcp_hostname"):
            return hostname()
        if what in self._settings:
            return self._settings[what]
        raise ValueError("unknown config param")

    def _configure(self, key, value):
        if key == "reconnects":
            _board.call("wifi_reconnects", value)
        elif key in ("hostname", "dhcp_hostname"):
            hostname(value)
        elif key in self._settings:
            self._settings[key] = value
        elif key not in _IGNORED:
            raise ValueError("unknown config param")

    def _station_call(self, name, *args):
        if not self._is_station:
            raise OSError("STA required")
        try:
            return _board.call(name, *args)
        except OSError as error:
            raise OSError(error.args[1])  # ESP-IDF's words and no number
