"""One connection of a board on its way through the air: two sockets, and what is between them."""

import contextlib
import socket
import struct

from simulator import fault as faults

_CHUNK = 16384
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset


class Connection:
    """Two sockets and what is on its way between them. Without `upstream` it swallows bytes: a
    target out of reach.
    """

    def __init__(self, relays, loop, radio, chip, upstream, target):
        self._relays, self._loop, self._radio = relays, loop, radio
        self.target = target
        self._ends = {chip: upstream, upstream: chip} if upstream else {chip: None}
        self._chip = chip
        self._pending = dict.fromkeys(self._ends, b"")  # read, but the other side has no room yet
        self._finished = set()  # ends that said all they had to say
        self._held = {}  # end → what it said after a delay that is not over
        self._ending = None  # the fault that ends this connection once its bytes are gone
        radio.connections += 1
        for end in self._ends:
            end.setblocking(False)
        self._watched = set()
        self.refresh()

    def refresh(self):
        """Read from those ends whose bytes may pass."""
        stalled = self._relays.is_stalled or None in self._ends.values()
        for end, other in self._ends.items():
            is_over = end in self._finished or end in self._held
            wanted = not (stalled or is_over or self._pending[other])
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
        self._carry(end, data)

    def _carry(self, end, data):
        """Pass bytes on, with what the radio's faults make of them."""
        to_board = end is not self._chip
        while data and end not in self._held and not self._ending and self in self._relays.live:
            free, fault = self._radio.faults.meet(self.target[1], to_board, len(data))
            passed, data = data[:free], data[free:]
            if fault:
                more, data = self._suffer(fault, end, data)
                passed += more
            self._count(to_board, len(passed))
            self._send(self._ends[end], passed)
        self._end_if_due()

    def _suffer(self, fault, end, data):
        """What a fault makes of the bytes behind it: (those that pass, those still to carry)."""
        if fault.kind == faults.CORRUPT:
            return bytes((data[0] ^ 1,)), data[1:]
        if fault.kind == faults.LOSE:
            return b"", data[fault.size :]
        if fault.kind == faults.DELAY:
            self._held[end] = data
            self.refresh()
            self._loop.after(fault.seconds, self._release, end)
        elif fault.kind == faults.CALL:
            fault.act()
        else:
            self._ending = fault
        return b"", data

    def _release(self, end):
        if self in self._relays.live:
            self._carry(end, self._held.pop(end))
            if self in self._relays.live:
                self.refresh()

    def _count(self, to_board, n):
        if to_board:
            self._radio.bytes_in += n
        else:
            self._radio.bytes_out += n

    def _end_if_due(self):
        if self._ending is None:
            return
        if self._ending.kind == faults.STALL:
            self._finished.update(self._ends)
            self.refresh()
        elif not any(self._pending.values()):  # the bytes let through arrive, then the end
            self.close(reset=self._ending.kind == faults.RESET)

    def _send(self, end, data):
        if self._pending[end]:
            self._pending[end] += data
            return
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
            self._end_if_due()
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
        if source in self._finished and not (self._pending[end] or self._ending):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_WR)


def close_socket(end, reset):
    """Close a socket, with a reset or as is polite."""
    with contextlib.suppress(OSError):
        if reset:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        end.close()
