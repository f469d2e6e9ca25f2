"""A server that calls itself the fleet's host, with a certificate of another CA."""

import datetime as dt
import socket
import ssl
import threading
from pathlib import Path

from host import pki

_WAIT_S = 10


class Impostor:
    """`attempts` counts connections, `believed` those whose board took it for the host."""

    def __init__(self, folder: Path, listen: str, address: str, fleet: str) -> None:
        pki.ensure(folder, fleet, [address], dt.datetime.now(dt.UTC))
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(folder / pki.SERVER_FILE)
        self._socket = socket.create_server((listen, 0))
        self.port = self._socket.getsockname()[1]
        self.attempts = self.believed = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._socket.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._socket.accept()
            except OSError:
                return
            self.attempts += 1
            plain.settimeout(_WAIT_S)
            try:
                with self._tls.wrap_socket(plain, server_side=True) as wrapped:
                    self.believed += bool(wrapped.recv(1))
            except OSError:  # what an honest board does
                plain.close()
