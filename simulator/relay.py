"""Carries a board's TCP connections to their real targets, so that outages, stalls, cuts and byte
counts are possible.

The chip is told to connect to 127.0.0.1 and a port of ours for each target; no byte of its reaches
the network otherwise.
"""

import contextlib
import errno
import socket
import struct

_CHUNK = 16384
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset
_CONNECT_S = 10
_LOOKUP_S = 0.5


class Relays:
    """The relays of one board, by target."""

    def __init__(self, loop, radio, is_online):
        self._loop = loop
        self._radio = radio
        self._is_online = is_online
        self._listeners = {}
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
        _dial(self._loop, (address, port), lambda upstream: answer(listener.offer(upstream)))

    @property
    def is_stalled(self):
        """Whether nothing passes just now."""
        return self._radio.is_stalled or not self._is_online()

    def reaches(self, address):
        """Whether a connection to this address can begin now."""
        return not self.is_stalled and address not in self._radio.unreachable

    def begin(self, chip, upstream, target):
        """Join two connected sockets."""
        self.live.add(_Relay(self, self._loop, self._radio, chip, upstream, target))

    def refresh(self):
        """Look again at what may pass."""
        self._loop.call(lambda: [relay.refresh() for relay in list(self.live)])

    def drop(self):
        """Reset all connections."""
        self._loop.call(lambda: [relay.close(reset=True) for relay in list(self.live)])

    def close(self):
        """Reset all connections and listen no more."""
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
            _dial(self._loop, self._target, lambda upstream: self._join(chip, upstream))

    def _join(self, chip, upstream):
        if upstream is None:
            _close(chip, reset=True)
        else:
            self._relays.begin(chip, upstream, self._target)


class _Relay:
    """Two sockets and what is on its way between them. Without `upstream` it swallows bytes: a
    target out of reach.
    """

    def __init__(self, relays, loop, radio, chip, upstream, target):
        self._relays, self._loop, self._radio = relays, loop, radio
        self.target = target
        self._left = radio.take_cut()
        self._ends = {chip: upstream, upstream: chip} if upstream else {chip: None}
        self._chip = chip
        self._pending = dict.fromkeys(self._ends, b"")  # read, but the other side has no room yet
        self._finished = set()  # ends that said all they had to say
        radio.connections += 1
        for end in self._ends:
            end.setblocking(False)
        self._watched = set()
        self.refresh()

    def refresh(self):
        """Read from those ends whose bytes may pass."""
        stalled = self._relays.is_stalled or None in self._ends.values()
        for end, other in self._ends.items():
            wanted = not stalled and end not in self._finished and not self._pending[other]
            if wanted and end not in self._watched:
                self._loop.watch(end, lambda end=end: self._receive(end))
                self._watched.add(end)
            elif not wanted and end in self._watched:
                self._loop.forget(end)
                self._watched.discard(end)

    def close(self, reset=False):
        """End both connections."""
        self._relays.live.discard(self)
        for end in self._ends:
            self._loop.forget(end)
            _close(end, reset)
        self._watched.clear()

    def _receive(self, end):
        try:
            data = end.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            self.close(reset=True)
            return
        if not data:
            self._finish(end)
            return
        if end is self._chip:
            self._radio.bytes_out += len(data)
        else:
            data = self._let_in(data)
        self._send(self._ends[end], data)
        self._cut_if_due()

    def _let_in(self, data):
        if self._left is not None:
            data = data[: self._left[0]]
            self._left = (self._left[0] - len(data), self._left[1])
        self._radio.bytes_in += len(data)
        return data

    def _cut_if_due(self):
        if self._left is None or self._left[0]:
            return
        if not self._left[1]:
            self._flush_and_close()
        else:
            upstream = self._ends.get(self._chip)
            self._loop.forget(upstream)
            self._finished.add(upstream)
            self._finished.add(self._chip)
            self.refresh()

    def _flush_and_close(self):
        if self._chip.fileno() >= 0 and not self._pending[self._chip]:
            self.close()  # the bytes let in arrive, then the end

    def _send(self, end, data):
        try:
            n = end.send(data)
        except BlockingIOError:
            n = 0
        except OSError:
            self.close(reset=True)
            return
        if n < len(data):
            self._pending[end] = data[n:]
            self.refresh()
            self._loop.after(0.002, self._retry, end)

    def _retry(self, end):
        if self not in self._relays.live:
            return
        data, self._pending[end] = self._pending[end], b""
        self._send(end, data)
        if self in self._relays.live and not self._pending[end]:
            self.refresh()
            self._cut_if_due()
            self._shut(end)

    def _finish(self, end):
        self._finished.add(end)
        self.refresh()
        self._shut(self._ends[end])
        if len(self._finished) == len(self._ends) and not any(self._pending.values()):
            self.close()

    def _shut(self, end):
        """Pass an end of stream on, once everything before it has gone."""
        source = self._ends[end]
        if source in self._finished and not self._pending[end] and self._left is None:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_WR)


def _dial(loop, target, when_done):
    """Connect without waiting; calls `when_done` with the socket, or None if that failed."""
    upstream = socket.socket()
    upstream.setblocking(False)
    state = {"is_done": False}

    def finish(ok):
        if state["is_done"]:
            return
        state["is_done"] = True
        loop.forget(upstream)
        if not ok:
            upstream.close()
        when_done(upstream if ok else None)

    def check():
        finish(upstream.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0)

    code = upstream.connect_ex(target)
    if code in (0, errno.EINPROGRESS):
        loop.watch(upstream, lambda: None)
        loop.watch_write(upstream, check)
        loop.after(_CONNECT_S, finish, False)
    else:
        finish(False)


def _close(end, reset):
    with contextlib.suppress(OSError):
        if reset:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        end.close()
