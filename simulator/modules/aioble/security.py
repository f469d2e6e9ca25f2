"""Hears whether a link is encrypted."""

from . import device
from .core import register_irq_handler

_ENCRYPTION = 28


def _irq(event, data):
    connection = device.connections.get(data[0]) if event == _ENCRYPTION else None
    if connection:
        (
            connection.encrypted,
            connection.authenticated,
            connection.bonded,
            connection.key_size,
        ) = data[1:]


register_irq_handler(_irq, None)
