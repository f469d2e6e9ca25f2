"""The web process: API for boards, API for people, pages."""

import os
import signal
from functools import partial

from granian import Granian
from granian.constants import Interfaces, SSLProtocols
from granian.log import LogLevels

from host import pki
from host.crowd import THREADS
from host.serve import handover, renewal

_RESPAWN_S = 2  # a new worker is up before the old one ends
_KILL_S = 2  # open pages do not hold the end up; a board resumes its download


def run(settings):
    """Serve boards and people under the fleet's own certificate, until SIGTERM or SIGINT."""
    certificate = pki.folder_for(settings) / pki.SERVER_FILE
    serve(settings, settings.port, certificate, certificate)


def serve(settings, port, certificate, key):
    """Serve at a port until SIGTERM or SIGINT; a certificate that was replaced is taken up."""
    handover.name_server()
    server = Granian(
        "host.wsgi:app",
        address=settings.listen,
        port=port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=THREADS,
        ssl_cert=certificate,
        ssl_key=key,
        ssl_protocol_min=SSLProtocols.tls12,  # stock MicroPython has no TLS 1.3
        respawn_failed_workers=True,
        respawn_interval=_RESPAWN_S,
        workers_kill_timeout=_KILL_S,
        log_level=LogLevels.error,
    )
    renewal.watch(certificate, partial(os.kill, os.getpid(), signal.SIGHUP))  # respawns workers
    server.serve()
