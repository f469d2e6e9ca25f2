"""What a WSGI server loads: `host.wsgi:app`, with settings of MPFLEET_* and the data folder."""

import os
import threading
import time

from host import create_app
from host.serve import handover, logs

_LOOK_S = 0.5


def _end_without(parent):
    """A worker whose server was killed would keep the port from the next one."""
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os._exit(1)


logs.configure("web")
app = create_app(handover.take())
if handover.is_given():
    server = handover.server()
    threading.Thread(target=_end_without, args=(server,), name="lifeline", daemon=True).start()
