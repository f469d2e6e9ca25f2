"""A TLS server on the loopback: each connection is one call, in a thread of its own."""

import contextlib
import socket
import ssl
import threading

_SILENT_S = 120  # a board that has nothing to say pings within a minute


class Server:
    """`serve(peer)` talks to one board until it raises EOFError or OSError."""

    def __init__(self, certificate, serve):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.is_over = threading.Event()
        self._open = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        """Listen no more, and hang up."""
        self.is_over.set()
        for one in (self._listener, *list(self._open)):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while not self.is_over.is_set():
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(raw,), daemon=True).start()

    def _talk(self, raw):
        raw.settimeout(_SILENT_S)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else 40 ms, now and then
        self._open.add(raw)
        # A board that goes away, or is reset, is what happens here all the time.
        with raw, contextlib.suppress(OSError, EOFError, ValueError):
            self._secure(raw)
        self._open.discard(raw)

    def _secure(self, raw):
        with self._context.wrap_socket(raw, server_side=True) as connection:
            self._open.add(connection)
            try:
                self._serve(Peer(connection))
            finally:
                self._open.discard(connection)


class Peer:
    """One connection."""

    def __init__(self, connection):
        self.connection = connection
        self.send = connection.sendall
        self._buffer = b""

    def line(self):
        """The next line, without its end. Raises: EOFError."""
        while b"\n" not in self._buffer:
            self._more()
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r").decode("latin-1")

    def take(self, size):
        """Exactly so many bytes. Raises: EOFError."""
        while len(self._buffer) < size:
            self._more()
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    @property
    def has_more(self):
        """Whether bytes came already that nobody took."""
        return bool(self._buffer) or self.connection.pending() > 0

    def _more(self):
        data = self.connection.recv(65536)
        if not data:
            raise EOFError
        self._buffer += data
