"""Keeps one address from holding every thread of a worker with bodies that never end.

The WSGI server waits for a body as long as the connection lasts, and a thread waits with it. So
one address may have a part of the threads only; a body of a board is there in milliseconds.
"""

import json
import threading
from collections import Counter
from email.utils import formatdate

from host.errors import HostError
from host.services import limits

THREADS = 64  # of one worker: a slow download holds one for as long as it takes
_BODIES_MAX = THREADS // 2  # at once, from one address
_RETRY_S = 5


class Crowd:
    """WSGI middleware: counts the requests with a body that are under way, by address."""

    def __init__(self, app, most=_BODIES_MAX):
        self._app = app
        self._most = most
        self._lock = threading.Lock()
        self._inside = Counter()

    def __call__(self, environ, start_response):
        """Serve a request, or say that too many are under way."""
        if not _has_body(environ):
            return self._app(environ, start_response)
        address = limits.network(environ.get("REMOTE_ADDR"))
        if not self._enter(address):
            return _refuse(start_response)
        try:
            return self._app(environ, start_response)
        finally:
            self._leave(address)

    def _enter(self, address):
        with self._lock:
            if self._inside[address] >= self._most:
                return False
            self._inside[address] += 1
            return True

    def _leave(self, address):
        with self._lock:
            self._inside[address] -= 1
            if not self._inside[address]:
                del self._inside[address]


def _has_body(environ):
    length = environ.get("CONTENT_LENGTH", "")
    return length not in ("", "0") or "HTTP_TRANSFER_ENCODING" in environ


def _refuse(start_response):
    error = HostError("busy", "Too many requests from this address are under way.")
    headers = [
        ("Content-Type", "application/json"),
        ("Retry-After", str(_RETRY_S)),
        ("Date", formatdate(usegmt=True)),
    ]
    start_response(f"{error.status} Busy", headers)
    return [json.dumps(error.answer()).encode()]
