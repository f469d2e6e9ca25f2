"""Services, and what clients read of them and write to them."""

import asyncio
import bluetooth
from . import device
from .core import ble, ensure_active, register_irq_handler

_WRITE_EVENT = 3
_CAPTURES_MAX = 10  # writes that nobody took yet: the oldest is lost then
_known = {}  # characteristics by handle


class Service:
    def __init__(self, uuid):
        self.uuid = uuid
        self.characteristics = []


class Characteristic:
    """A value. With `capture` each write is kept until somebody takes it."""

    def __init__(
        self, service, uuid, read=False, write=False, write_no_response=False, notify=False,
        indicate=False, initial=None, capture=False,
    ):  # fmt: skip
        service.characteristics.append(self)
        choices = (
            (read, bluetooth.FLAG_READ),
            (write, bluetooth.FLAG_WRITE),
            (write_no_response, bluetooth.FLAG_WRITE_NO_RESPONSE),
            (notify, bluetooth.FLAG_NOTIFY),
            (indicate, bluetooth.FLAG_INDICATE),
        )
        self.uuid = uuid
        self.flags = sum(flag for is_wanted, flag in choices if is_wanted)
        self._captures = capture
        self._initial = initial
        self._handle = None
        self._writes = []
        self._flag = asyncio.ThreadSafeFlag()

    def _register(self, handle):
        self._handle = handle
        _known[handle] = self
        if self._initial is not None:
            self.write(self._initial)

    def read(self):
        return (self._initial or b"") if self._handle is None else ble.gatts_read(self._handle)

    def write(self, data, send_update=False):
        if self._handle is None:
            self._initial = data
        else:
            ble.gatts_write(self._handle, data, send_update)

    def notify(self, connection, data=None):
        ble.gatts_notify(connection._conn_handle, self._handle, data)

    async def written(self, timeout_ms=None):
        """Who wrote; with capture, and what."""
        while not self._writes:
            await device.within(self._flag.wait(), timeout_ms)
        return self._writes.pop(0)

    def _remember(self, connection):
        self._writes.append((connection, self.read()) if self._captures else connection)
        del self._writes[: -(_CAPTURES_MAX if self._captures else 1)]
        self._flag.set()


class BufferedCharacteristic(Characteristic):
    def __init__(self, *args, max_len=20, append=False, **settings):
        super().__init__(*args, **settings)
        self._buffer = (max_len, append)

    def _register(self, handle):
        super()._register(handle)
        ble.gatts_set_buffer(handle, *self._buffer)


def register_services(*services):
    ensure_active()
    _known.clear()
    rows = [(s.uuid, [(c.uuid, c.flags) for c in s.characteristics]) for s in services]
    for service, handles in zip(services, ble.gatts_register_services(rows)):
        for characteristic, handle in zip(service.characteristics, handles):
            characteristic._register(handle)


def _irq(event, data):
    if event == _WRITE_EVENT and data[1] in _known:
        _known[data[1]]._remember(device.connections.get(data[0]))


register_irq_handler(_irq, _known.clear)
