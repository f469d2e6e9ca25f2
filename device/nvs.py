"""What outlives the file system: numbers and blobs in NVS, namespace `mpfleet` (SPEC 2)."""

import esp32
from micropython import const

_BLOB_BYTES_MAX = const(2048)  # the largest of ours is a CA certificate


class Nvs:
    """Reads and writes single keys; every write is on flash when it returns."""

    def __init__(self):
        self._nvs = esp32.NVS("mpfleet")

    def blob(self, key):
        """Bytes under a key, or None."""
        buffer = bytearray(_BLOB_BYTES_MAX)
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
