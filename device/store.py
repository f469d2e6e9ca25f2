"""What the board keeps (SPEC section 2): files of /state, its settings among them, keys in NVS.

All survive a power cut: a reader sees old bytes or new, never a mix.
"""

import json
import os

import esp32
from micropython import const

from device.errors import StorageFull

_ENOSPC = const(28)  # the same number on littlefs and on Linux
_BLOB_BYTES_MAX = const(2048)  # the largest of ours is a CA certificate

DEFAULTS = {
    "product": "",
    "model": "",
    "poll_s": 3600,
    "watchdog_s": 90,
    "trial_s": 120,
    "contact_s": 600,
    "healthy_s": 300,
    "hostname": "",
    "ntp_host": "pool.ntp.org",
    "provisioning": "open",
    "away_s": 0,
    "button_pin": 0,
    "app": {},
}


class Store:
    """Reads and replaces whole files of one folder by name."""

    def __init__(self, root="/state"):
        self._root = root

    def read(self, name):
        """Bytes of a file, or None where there is none."""
        try:
            with open(self._path(name), "rb") as f:
                return f.read()
        except OSError:
            return None

    def write(self, name, data):
        """Replace a file as a whole.

        Raises:
            StorageFull: there was no room; the old file is still there.
        """
        fresh = self._path(name) + ".new"
        try:
            self._make_root()
            with open(fresh, "wb") as f:
                f.write(data)
            os.rename(fresh, self._path(name))  # littlefs swaps the name in one commit
        except OSError as e:
            _remove(fresh)
            if e.errno == _ENOSPC:
                raise StorageFull("storage-full", name, len(data))
            raise

    def remove(self, name):
        """Forget a file; nothing happens where there is none."""
        _remove(self._path(name))

    def load(self, name, default):
        """Value of a JSON file; `default` where the file is absent, garbage or of another type."""
        data = self.read(name)
        if data is None:
            return default
        try:
            value = json.loads(data)
        except (ValueError, RuntimeError):  # RuntimeError: nested too deep for the stack
            # the log needs the store's config: not built yet
            print("mpfleet store: garbage in", name)
            return default
        return value if isinstance(value, type(default)) else default

    def trusted_versions(self):
        """Version of each role's metadata that this board trusts; none before it trusts any."""
        return self.load("trusted.json", {}).get("versions", {})

    def save(self, name, value):
        """Replace a JSON file.

        Raises:
            StorageFull: there was no room; the old file is still there.
        """
        self.write(name, json.dumps(value).encode())

    def _path(self, name):
        return self._root + "/" + name

    def _make_root(self):
        try:
            os.stat(self._root)
        except OSError:
            os.mkdir(self._root)


class Config:
    """The settings of config.json, an attribute each; one of another type counts as absent."""

    product: str
    model: str
    poll_s: int
    watchdog_s: int
    trial_s: int
    contact_s: int
    healthy_s: int
    hostname: str
    ntp_host: str
    provisioning: str
    away_s: int
    button_pin: int
    app: dict

    def __init__(self, store, defaults=DEFAULTS):
        given = store.load("config.json", {})
        for name, default in defaults.items():
            value = given.get(name, default)
            setattr(self, name, value if isinstance(value, type(default)) else default)


class Nvs:
    """What outlives the file system: single keys in the namespace `mpfleet`, written at once."""

    def __init__(self):
        self._nvs = esp32.NVS("mpfleet")

    def blob(self, key, limit=_BLOB_BYTES_MAX):
        """Bytes under a key, or None."""
        buffer = bytearray(limit)
        try:
            n = self._nvs.get_blob(key, buffer)
        except OSError:  # no such key
            return None
        return bytes(memoryview(buffer)[:n])

    def set_blob(self, key, value):
        """Store bytes under a key."""
        self._nvs.set_blob(key, value)
        self._nvs.commit()

    def number(self, key, default=0):
        """Signed 32-bit number under a key, or `default`."""
        try:
            return self._nvs.get_i32(key)
        except OSError:  # no such key
            return default

    def set_number(self, key, value):
        """Store a signed 32-bit number under a key."""
        self._nvs.set_i32(key, value)
        self._nvs.commit()

    def erase(self, key):
        """Forget a key; nothing happens where there is none."""
        try:
            self._nvs.erase_key(key)
        except OSError:  # no such key
            return
        self._nvs.commit()


def _remove(path):
    try:
        os.remove(path)
    except OSError:  # it was not there
        pass
