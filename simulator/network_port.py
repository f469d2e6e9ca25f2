"""The serial port of a virtual board over TCP, on the computer's loopback, for one visitor at a
time: `socket://` (bytes as they are) or `rfc2217://` (with the lines of the port, too).
"""

import socket

from simulator.outbox import Outbox

_LOOPBACK = "127.0.0.1"


class Plain:
    """What `socket://` speaks: bytes as they are, and no lines."""

    def __init__(self, send):
        """`send` is there for a protocol that answers by itself."""

    def encode(self, data):
        """Bytes for the visitor."""
        return data

    def decode(self, data):
        """Bytes for the board.

        Raises: ValueError for what this protocol cannot mean.
        """
        return data

    def hang_up(self):
        """The visitor has gone."""


class NetworkPort:
    """Listens at `number` (0: any that is free). `speak(send)` makes the protocol of a visit."""

    def __init__(self, loop, number, speak, when_received):
        self._loop = loop
        self._speak = speak
        self._when_received = when_received
        self._visit = None
        self._listener = socket.create_server((_LOOPBACK, number))
        self._listener.setblocking(False)
        self.address = "{}:{}".format(*self._listener.getsockname())
        loop.watch(self._listener, self._accept)

    def write(self, data):
        """Send to whoever is there."""
        if self._visit:
            self._visit.write(data)

    def close(self):
        """Take the port away."""
        self._loop.forget(self._listener)
        self._listener.close()
        if self._visit:
            self._visit.end()

    def _accept(self):
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        if self._visit:
            self._visit.receive()  # it may have gone, and not been looked at since
        if self._visit:
            connection.close()  # one at a time, as a serial port
            return
        self._visit = _Visit(self._loop, connection, self._speak, self._when_received, self._leave)

    def _leave(self):
        self._visit = None


class _Visit:
    """One connection, from its first byte to its last."""

    def __init__(self, loop, connection, speak, when_received, when_gone):
        connection.setblocking(False)
        # Many small packets go back and forth: without this each would wait for the one before.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop = loop
        self._connection = connection
        self._when_received = when_received
        self._when_gone = when_gone
        loop.watch(connection, self.receive)
        self._outbox = Outbox(loop, connection, connection.send)
        self._protocol = speak(self._outbox.write)

    def write(self, data):
        self._outbox.write(self._protocol.encode(data))

    def receive(self):
        try:
            data = self._connection.recv(65536)
            meant = self._protocol.decode(data)
        except BlockingIOError:
            return
        except (ConnectionError, ValueError):
            data = b""
        if not data:
            self.end()
        elif meant:
            self._when_received(meant, self.write)

    def end(self):
        self._loop.forget(self._connection)
        self._connection.close()
        self._when_gone()
        self._protocol.hang_up()
