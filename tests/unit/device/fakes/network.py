"""Stand-in for ESP32's `network`: a station among access points that a test lays out in `air`."""
# ruff: noqa: T201 - a test reads what it was asked

STA_IF = 0
air = {}  # ssid → {"password", "rssi", "hidden", "mood"}
asked = []  # ssids that were tried to join, in order


def hostname(name):
    print("hostname", name)


class WLAN:
    def __init__(self, interface):
        self._status = 1000
        self._ssid = None

    def active(self, on):
        pass

    def config(self, reconnects):
        pass

    def scan(self):
        print("scan")
        return [
            (ssid.encode(), b"\0" * 6, 1, ap["rssi"], 3, False)
            for ssid, ap in air.items()
            if not ap.get("hidden")
        ]

    def connect(self, ssid, password=None):
        asked.append(ssid)
        self._ssid = ssid
        ap = air.get(ssid)
        if ap is None:
            self._status = 201
        elif ap.get("mood"):
            self._status = ap["mood"]
        elif ap["password"] != (password or ""):
            self._status = 202
        else:
            self._status = 1010

    def disconnect(self):
        pass

    def status(self):
        return self._status

    def isconnected(self):
        return self._status == 1010

    def ifconfig(self):
        return ("192.168.4.2", "255.255.255.0", "192.168.4.1", "192.168.4.1")
