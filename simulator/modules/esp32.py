"""esp32 on a virtual board: Partition over the flash file, NVS in the board's own process."""

import binascii
import _board
import _flash

_SECTOR = 4096
_OTA = 0x10  # the first subtype of firmware that can be updated

WAKEUP_ALL_LOW = False
WAKEUP_ANY_HIGH = True
HEAP_DATA = 4
HEAP_EXEC = 1


class Partition:
    """One partition of the table, as a block device."""

    BOOT = 0
    RUNNING = 1
    TYPE_APP = 0
    TYPE_DATA = 1

    def __init__(self, id, block_size=_SECTOR):
        if id == self.BOOT:
            id = _board.call("boot")
        elif id == self.RUNNING:
            id = _board.call("running")
        elif not isinstance(id, str):
            raise ValueError
        for entry in _board.call("partitions"):
            if entry[0] == id:
                self._become(entry, block_size)
                return
        raise OSError(2)

    def _become(self, entry, block_size):
        self._label, self._type, self._subtype, self._offset, self._size = entry
        self._block_size = block_size

    @staticmethod
    def find(type=0, subtype=0xFF, label=None, block_size=_SECTOR):
        found = []
        for entry in _board.call("partitions"):
            if entry[1] == type and subtype in (0xFF, entry[2]) and label in (None, entry[0]):
                found.append(Partition(entry[0], block_size))
        return found

    def __repr__(self):
        return "<Partition type=%u, subtype=%u, address=%u, size=%u, label=%s, encrypted=0>" % (
            self._type,
            self._subtype,
            self._offset,
            self._size,
            self._label,
        )

    def info(self):
        return (self._type, self._subtype, self._offset, self._size, self._label, False)

    def readblocks(self, block, buf, offset=0):
        _flash.read(self._place(block * self._block_size + offset, len(buf)), buf)

    def writeblocks(self, block, buf, offset=None):
        at, data = block * self._block_size + (offset or 0), memoryview(buf)
        place = self._place(at, len(data))
        if offset is None:
            if at % _SECTOR or len(data) % _SECTOR:
                self._rewrite(at, data)
                return
            for n in range(0, len(data), _SECTOR):
                _flash.erase_sector(place + n)
        for n in range(0, len(data), _SECTOR):
            piece = data[n : n + _SECTOR]
            _flash.prepare(len(piece))
            _flash.program(place + n, piece)

    def ioctl(self, op, arg):
        if op == 4:
            return self._size // self._block_size
        if op == 5:
            return self._block_size
        if op == 6:
            if self._block_size != _SECTOR:
                return -22
            _flash.erase_sector(self._place(arg * _SECTOR, _SECTOR))
        return 0 if op in (1, 2, 3, 6) else None

    def _place(self, at, size):
        if at < 0 or at + size > self._size:
            raise OSError(-258, "ESP_ERR_INVALID_SIZE")
        return self._offset + at

    def _rewrite(self, at, data):
        """Blocks smaller than a sector: read what shares the sector, erase it, write it back."""
        sector = bytearray(_SECTOR)
        end = at + len(data)
        whole = Partition(self._label)
        for start in range(at // _SECTOR * _SECTOR, end, _SECTOR):
            whole.readblocks(start // _SECTOR, sector)
            low, high = max(at, start), min(end, start + _SECTOR)
            sector[low - start : high - start] = data[low - at : high - at]
            whole.writeblocks(start // _SECTOR, sector)

    def set_boot(self):
        _board.call("set_boot", self._label)

    def get_next_update(self):
        labels = [e[0] for e in _board.call("partitions") if e[1] == 0 and e[2] >= _OTA]
        if not labels:
            raise OSError(2)
        at = labels.index(self._label) if self._label in labels else -1
        return Partition(labels[(at + 1) % len(labels)])

    @classmethod
    def mark_app_valid_cancel_rollback(cls):
        _board.call("confirm")


class NVS:
    """Values that outlive the file system; what is set is in flash after commit()."""

    _INTEGER, _BLOB = 105, 98

    def __init__(self, namespace):
        self._namespace = namespace

    def __repr__(self):
        return "<NVS namespace>"

    def set_i32(self, key, value):
        if not -(1 << 31) <= value < 1 << 31:
            raise OverflowError("overflow converting long int to machine word")
        self._set(key, self._INTEGER, (value & 0xFFFFFFFF).to_bytes(4, "little"))

    def get_i32(self, key):
        value = int.from_bytes(self._get(key, self._INTEGER), "little")
        return value - (1 << 32) if value >> 31 else value

    def set_blob(self, key, value):
        self._set(key, self._BLOB, value)

    def get_blob(self, key, buffer):
        value = self._get(key, self._BLOB)
        if len(value) > len(buffer):
            raise OSError(-4364, "ESP_ERR_NVS_INVALID_LENGTH")
        buffer[: len(value)] = value
        return len(value)

    def erase_key(self, key):
        _board.call("nvs_erase", self._namespace, key)

    def commit(self):
        _board.call("nvs_commit", self._namespace)

    def _set(self, key, kind, value):
        if isinstance(value, str):
            value = value.encode()
        _board.call("nvs_set", self._namespace, key, kind, binascii.hexlify(value).decode())

    def _get(self, key, kind):
        found = _board.call("nvs_get", self._namespace, key)
        if found[0] != kind:
            raise OSError(-4354, "ESP_ERR_NVS_NOT_FOUND")
        return binascii.unhexlify(found[1])


def idf_heap_info(capabilities):
    """One region (size, free, largest free block, least ever free).

    By what was measured on stock MicroPython under emulation without the runtime, whose heap
    leaves less.

    Switching WiFi on costs 38 kB, a TLS connection 25; the board counts every connection as one.
    """
    free = 134000
    if _board.call("wifi_active"):
        free = 96008 - 25350 * _board.call("connections")
    free = max(free, 4000)
    return [(170000, free, free - 1800, free - 4000)]


def raw_temperature():
    return 128


def wake_on_ext0(pin=None, level=None):
    pass


def wake_on_ext1(pins=None, level=None):
    pass
