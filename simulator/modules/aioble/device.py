"""A connection, and how long one waits for it."""

import asyncio
import binascii
from .core import ble, register_irq_handler

_CONNECT, _DISCONNECT, _MTU = 1, 2, 21
connections = {}  # by handle


class DeviceDisconnectedError(Exception):
    pass


class Device:
    def __init__(self, addr_type, addr):
        self.addr_type = addr_type
        self.addr = addr

    def addr_hex(self):
        return binascii.hexlify(self.addr, ":").decode()


class DeviceConnection:
    """One client's. Its end is an event that may come at any time."""

    def __init__(self, handle, device):
        self.device = device
        self.encrypted = self.authenticated = self.bonded = self.key_size = False
        self.mtu = None
        self._conn_handle = handle
        self._gone = asyncio.Event()

    def is_connected(self):
        return self._conn_handle is not None

    def end(self):
        del connections[self._conn_handle]
        self._conn_handle = None
        self._gone.set()

    async def disconnect(self, timeout_ms=2000):
        await self.disconnected(timeout_ms, True)

    async def disconnected(self, timeout_ms=None, disconnect=False):
        if disconnect and self.is_connected():
            ble.gap_disconnect(self._conn_handle)
        await within(self._gone.wait(), timeout_ms)


async def within(awaitable, timeout_ms):
    """Wait; asyncio.TimeoutError where that takes too long."""
    if timeout_ms is None:
        return await awaitable
    return await asyncio.wait_for_ms(awaitable, timeout_ms)


def _irq(event, data):
    connection = connections.get(data[0]) if data else None
    if event == _CONNECT:
        connections[data[0]] = DeviceConnection(data[0], Device(data[1], bytes(data[2])))
    elif event == _DISCONNECT and connection:
        connection.end()
    elif event == _MTU and connection:
        connection.mtu = data[1]


register_irq_handler(_irq, connections.clear)
