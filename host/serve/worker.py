"""The worker process: tries uploaded releases, one at a time."""

import signal
import threading

from host.engine import verifying
from host.extensions import Database
from host.storage import Storage


def run(settings):
    """Work until SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    database = Database(settings.url)
    try:
        verifying.run(settings, database, Storage(settings.blob_folder), stop)
    finally:
        database.close()
