"""bluetooth on a virtual board: the peripheral half of BLE, by a virtual controller."""

import binascii
import _board

FLAG_READ = 0x0002
FLAG_WRITE_NO_RESPONSE = 0x0004
FLAG_WRITE = 0x0008
FLAG_NOTIFY = 0x0010
FLAG_INDICATE = 0x0020

_CONNECT, _DISCONNECT = 1, 2
_WITH_ADDRESS = (_CONNECT, _DISCONNECT)


def _hex(data):
    if isinstance(data, str):
        data = data.encode()
    return None if data is None else binascii.hexlify(bytes(data)).decode()


def _packed(value):
    if isinstance(value, int):
        value = value.to_bytes(2, "little")
    elif isinstance(value, str):
        value = bytes(reversed(binascii.unhexlify(value.replace("-", ""))))
    value = bytes(value)
    if len(value) not in (2, 4, 16):
        raise ValueError("invalid UUID")
    return value


class UUID(bytes):
    """Of 2, 4 or 16 bytes, kept little-endian; made of a number, a text or bytes."""

    def __init__(self, value):
        super().__init__(_packed(value))


class BLE:
    """There is one radio, so there is one of these."""

    _one = None

    def __new__(cls):
        if cls._one is None:
            cls._one = object.__new__(cls)
            cls._one._handler = None
        return cls._one

    def active(self, on=None):
        if on is not None:
            if on:
                _board.on_event(b"b", 0, self._take)
            _board.call("ble_activate", bool(on))
        return _board.call("ble_active")

    def irq(self, handler):
        self._handler = handler

    def config(self, name=None, **settings):
        if name is None:
            _board.call("ble_configure", settings)
            return None
        if name == "mac":
            return (1, binascii.unhexlify(_board.call("ble_address")))
        return _board.call("ble_setting", name)

    def gap_advertise(self, interval_us, adv_data=None, *, resp_data=None, connectable=True):
        interval_ms = None if interval_us is None else interval_us / 1000
        _board.call("ble_advertise", interval_ms, _hex(adv_data), _hex(resp_data))

    def gap_disconnect(self, conn_handle):
        _board.call("ble_disconnect", conn_handle)
        return True

    def gap_passkey(self, conn_handle, action, passkey):
        _board.call("ble_passkey", passkey)

    def gatts_register_services(self, services):
        rows = [[_hex(uuid), [[_hex(c[0]), c[1]] for c in found]] for uuid, found in services]
        return tuple(tuple(row) for row in _board.call("ble_register", rows))

    def gatts_read(self, handle):
        return binascii.unhexlify(_board.call("ble_read", handle))

    def gatts_write(self, handle, data, send_update=False):
        _board.call("ble_write", handle, _hex(data), bool(send_update))

    def gatts_notify(self, conn_handle, handle, data=None):
        _board.call("ble_notify", conn_handle, handle, _hex(data))

    def gatts_set_buffer(self, handle, length, append=False):
        _board.call("ble_buffer", handle, length, bool(append))

    def _take(self):
        while True:
            found = _board.call("ble_event")
            if found is None:
                return
            event, data = found[0], found[1:]
            if event in _WITH_ADDRESS:
                data[2] = binascii.unhexlify(data[2])
            if self._handler:
                self._handler(event, tuple(data))
