"""Advertising."""

import asyncio
from . import device  # hears of a connection before this module does
from .core import ble, ensure_active, register_irq_handler

_CONNECT = 1
_flag = asyncio.ThreadSafeFlag()
_came = []


def _irq(event, data):
    if event == _CONNECT:
        _came.append(device.connections[data[0]])
        _flag.set()


register_irq_handler(_irq, _came.clear)


async def advertise(interval_us, adv_data=None, resp_data=None, connectable=True, timeout_ms=None):
    """Advertise these bytes until a client comes; its connection."""
    ensure_active()
    ble.gap_advertise(interval_us, adv_data=adv_data, resp_data=resp_data, connectable=connectable)
    try:
        while not _came:
            await device.within(_flag.wait(), timeout_ms)
    except (asyncio.TimeoutError, asyncio.CancelledError):
        ble.gap_advertise(None)
        raise
    return _came.pop(0)
