"""The engine process: what happens as time passes."""

import signal
import threading

from host.engine import tick


def run(settings):
    """Tick until SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    tick.run(settings, stop)
