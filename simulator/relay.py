"""Carries a board's TCP connections to their real targets, so that outages, stalls, cuts and byte
counts are possible.

The chip is told to connect to 127.0.0.1 and a port of ours for each target; no byte of its reaches
the network otherwise.
"""

import errno
import socket

from simulator.connection import Connection, close_socket

_CONNECT_S = 10
_LOOKUP_S = 0.5


class Relays:
    """The relays of one board, by target."""

    def __init__(self, loop, radio, is_online):
        self._loop = loop
        self._radio = radio
        self._is_online = is_online
        self._listeners = {}
        self._dials = set()  # under way
        self.live = set()

    def port_for(self, address, port, when_known):
        """Call `when_known` with the port on 127.0.0.1 that stands for this target.

        A target that refuses connections gets a port that does: it is tried once, and that
        connection is the board's.
        """
        listener = self._listeners.get((address, port))
        if listener is None:
            listener = self._listeners[address, port] = _Listener(
                self, self._loop, (address, port)
            )
        if not self.reaches(address):
            when_known(listener.port)
            return
        answers = [when_known]

        def answer(offered_port):
            if answers:
                answers.pop()(offered_port)

        # A target that takes long to answer is the connection's trouble, not the look-up's.
        self._loop.after(_LOOKUP_S, answer, listener.port)
        self.dial((address, port), lambda upstream: answer(listener.offer(upstream)))

    def dial(self, target, when_done):
        """Connect to what is behind a target; `when_done` as in _Dial."""
        _Dial(self._loop, self._radio.routes.get(target, target), self._dials, when_done)

    @property
    def is_stalled(self):
        """Whether nothing passes just now."""
        return self._radio.is_stalled or not self._is_online()

    def reaches(self, address):
        """Whether a connection to this address can begin now."""
        return not self.is_stalled and address not in self._radio.unreachable

    def begin(self, chip, upstream, target):
        """Join two connected sockets."""
        self.live.add(Connection(self, self._loop, self._radio, chip, upstream, target))

    def refresh(self):
        """Look again at what may pass."""
        self._loop.call(lambda: [relay.refresh() for relay in list(self.live)])

    def drop(self):
        """Reset all connections."""
        self._loop.call(lambda: [relay.close(reset=True) for relay in list(self.live)])

    def close(self):
        """Reset all connections, those under way too, and listen no more."""
        self._loop.call(self._close)

    def _close(self):
        for dial in list(self._dials):
            dial.end(False)
        self.drop()
        for listener in self._listeners.values():
            listener.close()
        self._listeners.clear()


class _Listener:
    """The port on 127.0.0.1 that stands for one target."""

    def __init__(self, relays, loop, target):
        self._relays = relays
        self._loop = loop
        self._target = target
        self._offered = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]
        self._closed_port = socket.socket()
        self._closed_port.bind(
            ("127.0.0.1", 0)
        )  # bound, never listening: connecting to it is refused
        loop.watch(self._socket, self._accept)

    def offer(self, upstream):
        """Keep a connection for the board, which comes for it at once; returns the port to come
        to.
        """
        if upstream is None:
            return self._closed_port.getsockname()[1]
        self._offered.append(upstream)
        self._loop.after(_CONNECT_S, self._withdraw, upstream)
        return self.port

    def close(self):
        self._loop.forget(self._socket)
        for upstream in self._offered:
            upstream.close()
        self._socket.close()
        self._closed_port.close()

    def _withdraw(self, upstream):
        if upstream in self._offered:
            self._offered.remove(upstream)
            upstream.close()

    def _accept(self):
        try:
            chip, _ = self._socket.accept()
        except OSError:
            return
        if self._offered:
            self._relays.begin(chip, self._offered.pop(0), self._target)
        elif not self._relays.reaches(self._target[0]):
            self._relays.begin(chip, None, self._target)
        else:
            self._relays.dial(self._target, lambda upstream: self._join(chip, upstream))

    def _join(self, chip, upstream):
        if upstream is None:
            close_socket(chip, reset=True)
        else:
            self._relays.begin(chip, upstream, self._target)


class _Dial:
    """Connects without waiting, and calls `when_done` with the socket, or None if that failed."""

    def __init__(self, loop, target, under_way, when_done):
        self._loop = loop
        self._under_way = under_way
        self._when_done = when_done
        self._socket = socket.socket()
        self._socket.setblocking(False)
        under_way.add(self)
        code = self._socket.connect_ex(target)
        if code in (0, errno.EINPROGRESS):
            loop.watch(self._socket, lambda: None)
            loop.watch_write(self._socket, self._check)
            loop.after(_CONNECT_S, self.end, False)
        else:
            self.end(False)

    def end(self, is_connected):
        """Tell of it, unless that was done."""
        if self not in self._under_way:
            return
        self._under_way.discard(self)
        self._loop.forget(self._socket)
        if not is_connected:
            self._socket.close()
        self._when_done(self._socket if is_connected else None)

    def _check(self):
        self.end(self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0)
