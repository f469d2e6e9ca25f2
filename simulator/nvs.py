"""Non-volatile storage: named values in the nvs partition that survive a power cut at any
operation.

The partition is two halves. The one that counts begins with the higher valid sequence and is a log
of records; when it is full, the values still in use are copied to the other half, whose header is
written last. (The format is ours: nothing on a board can read the partition but esp32.NVS.)
"""

import struct
import zlib

from simulator.flash import SECTOR

_HALF_MAGIC = 0x5653564E
_HALF = struct.Struct("<III")  # magic, sequence, CRC of both
_RECORD = struct.Struct(
    "<BBBBII"
)  # namespace length, key length, type, unused, data length, CRC of all the rest
ERASED, INTEGER, BLOB = b"x"[0], b"i"[0], b"b"[0]


class NvsFullError(OSError):
    """There is no room for this value; as the ESP32 says it."""

    def __init__(self):
        super().__init__(-4357, "ESP_ERR_NVS_NOT_ENOUGH_SPACE")


class Nvs:
    """The values in `partition` of `flash`, as {(namespace, key): (type, bytes)} in `values`."""

    def __init__(self, flash, partition):
        self._flash = flash
        self._pending = {}  # set, but not committed yet: lost with the power
        self.reload(partition)

    def get(self, namespace, key):
        """(type, bytes), or None."""
        found = self._pending.get((namespace, key)) or self.values.get((namespace, key))
        return None if found is None or found[0] == ERASED else found

    def set(self, namespace, key, kind, data):
        """Take a value, which is in flash after the next commit."""
        if (
            _RECORD.size + len(namespace) + len(key) + len(data)
            > self._half_size - _HALF.size - self._live_size()
        ):
            raise NvsFullError
        self._pending[namespace, key] = (kind, bytes(data))

    def erase(self, namespace, key):
        """Forget a value with the next commit; False if there is none."""
        if self.get(namespace, key) is None:
            return False
        self._pending[namespace, key] = (ERASED, b"")
        return True

    def commit(self, namespace):
        """Write what was set in this namespace. What is there already is not written again."""
        for name in [name for name in self._pending if name[0] == namespace]:
            value = self._pending[name]
            if self.values.get(name, (ERASED, b"")) != value:
                self._append(name, value)
            del self._pending[name]

    def reload(self, partition):
        """Read the partition anew, as any reset does; what was not committed is lost."""
        self._start = partition.offset
        self._half_size = partition.size // 2 // SECTOR * SECTOR
        self._pending.clear()
        self._load()

    def _load(self):
        headers = [self._read_header(n) for n in (0, 1)]
        self.values = {}
        self._is_broken = False
        if headers == [None, None]:  # a blank flash: the first write starts half 0
            self._half, self._sequence, self._is_broken = 1, 0, True
            return
        self._half = max((0, 1), key=lambda n: headers[n] or 0)
        self._sequence = headers[self._half]
        self._scan()

    def _read_header(self, n):
        raw = self._flash.read(self._start + n * self._half_size, _HALF.size)
        magic, sequence, crc = _HALF.unpack(raw)
        return sequence if magic == _HALF_MAGIC and crc == zlib.crc32(raw[:8]) else None

    def _scan(self):
        raw = self._flash.read(self._start + self._half * self._half_size, self._half_size)
        at = _HALF.size
        while (
            at + _RECORD.size <= len(raw) and raw[at : at + _RECORD.size] != b"\xff" * _RECORD.size
        ):
            name, value, size = _decode(raw[at:])
            # Torn: what follows cannot be found, nor written, so the next write moves to the other
            # half
            if not size:
                self._is_broken = True
                break
            self.values[name] = value
            at += size
        self._at = at

    def _append(self, name, value):
        record = _encode(name, value)
        if self._is_broken or self._at + len(record) > self._half_size:
            kept = {**self.values, name: value}
            self._start_half(kept.items())
        else:
            self._flash.program(self._start + self._half * self._half_size + self._at, record)
            self._at += len(record)
        self.values[name] = value

    def _start_half(self, items):
        body = b"".join(_encode(name, value) for name, value in items if value[0] != ERASED)
        if _HALF.size + len(body) > self._half_size:
            raise NvsFullError
        other = 1 - self._half
        base = self._start + other * self._half_size
        for offset in range(0, self._half_size, SECTOR):
            self._flash.erase(base + offset)
        if body:
            self._flash.program(base + _HALF.size, body)
        header = struct.pack("<II", _HALF_MAGIC, self._sequence + 1)
        self._flash.program(base, header + struct.pack("<I", zlib.crc32(header)))
        self._half, self._sequence, self._at = other, self._sequence + 1, _HALF.size + len(body)
        self._is_broken = False

    def _live_size(self):
        return sum(
            _RECORD.size + len(n) + len(k) + len(v[1])
            for (n, k), v in self.values.items()
            if v[0] != ERASED
        )


def _encode(name, value):
    namespace, key = (part.encode() for part in name)
    kind, data = value
    body = namespace + key + data
    head = struct.pack("<BBBBI", len(namespace), len(key), kind, 0, len(data))
    return head + struct.pack("<I", zlib.crc32(head + body)) + body


def _decode(raw):
    """(name, value, bytes it takes) of the record at the start, with 0 bytes if it is torn."""
    namespace, key, kind, _, length, crc = _RECORD.unpack_from(raw)
    size = _RECORD.size + namespace + key + length
    body = raw[_RECORD.size : size]
    if size > len(raw) or crc != zlib.crc32(raw[:8] + body):
        return None, None, 0
    names = body[:namespace].decode(), body[namespace : namespace + key].decode()
    return names, (kind, body[namespace + key :]), size
