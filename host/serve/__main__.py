"""One process of the host by itself: `python -m host.serve web`, or another of ROLES."""

import importlib
import os
import signal
import sys
import threading

from host.serve import ROLES, handover, logs
from host.serve.errors import StartError


def main(role):
    """Run one process, with the settings handed over or else those of the environment."""
    logs.configure(role)
    settings = handover.take()
    if handover.is_given():
        threading.Thread(target=_end_with_parent, name="lifeline", daemon=True).start()
    else:
        _load("prepare").prepare(settings)
    _load(role).run(settings)


def _load(name):
    # Late, because each role needs another half of the libraries: saves 50 MB in each of two.
    return importlib.import_module(f"host.serve.{name}")


def _end_with_parent():
    sys.stdin.buffer.raw.read()  # returns when the other end of the pipe closes
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    if sys.argv[1:] not in [[role] for role in ROLES]:
        sys.exit(f"usage: python -m host.serve {'|'.join(ROLES)}")
    try:
        main(sys.argv[1])
    except StartError as error:
        sys.exit(f"mpfleet {sys.argv[1]}: {error}")
