"""One process of the host by itself: `python -m host.serve web` (or bridge, engine)."""

import os
import signal
import sys
import threading

from host.serve import handover, logs, prepare, processes
from host.serve.errors import StartError

_RUN = {
    "web": processes.run_web,
    "bridge": processes.run_bridge,
    "engine": processes.run_engine,
}


def main(role):
    """Run one process, with the settings handed over or else those of the environment."""
    logs.configure(role)
    settings = handover.take()
    if handover.is_given():
        threading.Thread(target=_end_with_parent, name="lifeline", daemon=True).start()
    else:
        prepare.prepare(settings)
    _RUN[role](settings)


def _end_with_parent():
    sys.stdin.buffer.raw.read()  # returns when the other end of the pipe closes
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    if sys.argv[1:] not in [[role] for role in _RUN]:
        sys.exit(f"usage: python -m host.serve {'|'.join(_RUN)}")
    try:
        main(sys.argv[1])
    except StartError as error:
        sys.exit(f"mpfleet {sys.argv[1]}: {error}")
