"""Stand-in for ESP32's `esp32.NVS`, in RAM; what is not committed counts as not written."""


class NVS:
    committed = {}  # noqa: RUF012 - one flash for all

    def __init__(self, namespace):
        self._open = dict(NVS.committed)

    def get_i32(self, key):
        return self._get(key)

    def set_i32(self, key, value):
        self._open[key] = value

    def get_blob(self, key, buffer):
        value = self._get(key)
        if len(value) > len(buffer):
            raise OSError(-4364)
        buffer[: len(value)] = value
        return len(value)

    def set_blob(self, key, value):
        self._open[key] = bytes(value)

    def erase_key(self, key):
        self._get(key)
        del self._open[key]

    def commit(self):
        NVS.committed = dict(self._open)

    def _get(self, key):
        self._open = dict(NVS.committed)
        if key not in self._open:
            raise OSError(-4354)  # ESP_ERR_NVS_NOT_FOUND
        return self._open[key]
