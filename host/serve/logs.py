"""How every process of the host logs: one line to standard error that names the process."""

import logging

_LEVELS = {
    "amqtt": logging.ERROR,  # it warns of every refused client, which we do ourselves
    "amqtt.plugins.manager": logging.CRITICAL,
    "transitions": logging.WARNING,
    "asyncio": logging.ERROR,  # it warns of every connection that breaks in a TLS handshake
    "alembic": logging.WARNING,
}


def configure(process):
    """Log as this process from now on."""
    logging.basicConfig(
        format=f"%(asctime)s {process}: %(message)s", datefmt="%H:%M:%S", level=logging.INFO
    )
    for name, level in _LEVELS.items():
        logging.getLogger(name).setLevel(level)
