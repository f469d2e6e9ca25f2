"""One process of the host by itself: `python -m host.serve web` (or bridge, engine)."""

import os
import signal
import sys
import threading

from host.serve import handover, logs, processes

_RUN = {
    "web": processes.run_web,
    "bridge": processes.run_bridge,
    "engine": processes.run_engine,
}


def main(role):
    """Run one process with the settings handed over."""
    logs.configure(role)
    if handover.is_given():
        threading.Thread(target=_end_with_parent, name="lifeline", daemon=True).start()
    _RUN[role](handover.take())


def _end_with_parent():
    sys.stdin.buffer.raw.read()  # returns when the other end of the pipe closes
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(sys.argv[1])
