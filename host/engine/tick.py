"""What the host does on its own as time passes: so far, renewing its certificate."""

import datetime as dt
import logging

from host import pki

_TICK_S = 3600

_log = logging.getLogger(__name__)


def run(settings, stop):
    """Tick until the event `stop` is set."""
    while not stop.is_set():
        tick(settings, dt.datetime.now(dt.UTC))
        stop.wait(_TICK_S)


def tick(settings, now):
    """One round. The other processes see a new certificate by its file."""
    try:
        if pki.ensure_for(settings, now):
            _log.info("renewed the server certificate")
    except (pki.PkiError, OSError) as error:
        _log.error("the server certificate could not be renewed: %s", error)
