"""A TLS server that follows a script, for what an honest server never does."""

import contextlib
import socket
import ssl
import threading


class TlsServer:
    """Listens on 127.0.0.1; each connection is one call of `script(connection)`, in a thread."""

    def __init__(self, leaf, script):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(leaf)
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        self.requests = []
        self.is_over = threading.Event()  # a script that stalls waits for this
        self._open = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_over.set()
        # a close does not wake accept()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for raw in list(self._open):
            with contextlib.suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self):
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(raw,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, raw):
        raw.settimeout(20)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else 40 ms, now and then
        with raw, contextlib.suppress(OSError, EOFError):  # the board went away: often the point
            self._open.add(raw)
            raw.getpeername()  # one that is gone already, ssl refuses and then leaves open
            with self._context.wrap_socket(raw, server_side=True) as connection:
                self._open.add(connection)
                self.connections += 1
                peer = Peer(connection)
                try:
                    self._script(self, peer)
                finally:
                    self._open.discard(connection)
                    peer.close()


class Peer:
    """One connection, as a script sees it."""

    def __init__(self, connection):
        self.connection = connection
        self.send = connection.sendall
        self._file = connection.makefile("rb")

    def close(self):
        """Give the connection back: it stays open as long as its file does."""
        self._file.close()

    def request(self):
        """First line, headers and body of the next request. Raises EOFError at the end."""
        first = self._file.readline().decode().strip()
        if not first:
            raise EOFError
        headers = {}
        while line := self._file.readline().decode().strip():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        body = self._file.read(int(headers.get("content-length", 0)))
        return first, headers, body

    def read(self, n):
        """Exactly n bytes. Raises EOFError at the end."""
        data = self._file.read(n)
        if len(data) < n:
            raise EOFError
        return data
