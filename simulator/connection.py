"""One connection of a board on its way through the air: two sockets, and what is between them."""

import contextlib
import socket
import struct

_CHUNK = 16384
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset


class Connection:
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
            close_socket(end, reset)
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


def close_socket(end, reset):
    """Close a socket, with a reset or as is polite."""
    with contextlib.suppress(OSError):
        if reset:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        end.close()
