"""What umqtt takes for its TLS socket: reads serve whole packets, writes are collected.

So umqtt, which knows only blocking sockets, never waits for the other half of a packet, and never
reads one larger than the buffer: those are skipped as they arrive. While `deadline` is set
(logging on) an empty read waits, until then.
"""

import time

from micropython import const

from device.errors import NetworkError
from device.protocol import MESSAGE_BYTES_MAX

_STALL_MS = 15000  # half a packet, or no room to send, for this long: the session is dead
_PACKET_BYTES = MESSAGE_BYTES_MAX + 160  # a message, its topic and its header
_EPROTO = const(71)


class Pipe:
    """Hand it to umqtt as `ssl`; wrap_socket() begins a session."""

    def __init__(self, host, log):
        self._host = host
        self._log = log
        self._buffer = bytearray(_PACKET_BYTES)
        self._view = memoryview(self._buffer)
        self._sock = self._tls = None
        self.deadline = None

    def wrap_socket(self, sock, server_hostname=None):
        """TLS over a connected socket; the fleet's name is verified, whatever the address."""
        sock.setblocking(False)
        self._sock = sock
        self._tls = self._host.context().wrap_socket(
            sock, server_hostname=self._host.name, do_handshake_on_connect=False
        )
        self._have = self._need = self._at = self._skip = 0
        self._since = self._out_since = time.ticks_ms()
        self._out = b""
        self._sending = b""
        return self

    def setblocking(self, _):
        """umqtt switches here before and after every read; whether reads wait is ours to say."""

    def read(self, n):
        """Next bytes of the packet; None where there is none."""
        if not n:
            return b""  # the body of an empty message
        if self._at == self._ready_bytes() and not self._next():
            return None
        if n < 0 or self._at + n > self._need:
            raise OSError(_EPROTO)  # umqtt reads past the packet: its lengths are wrong
        start = self._at
        self._at += n
        return bytes(self._view[start : self._at])

    def write(self, data, n=None):
        """Collect bytes; flush() sends them."""
        data = data.encode() if isinstance(data, str) else bytes(data)
        self._out += data if n is None else data[:n]

    def close(self):
        """Close both layers; harmless when done twice."""
        for s in (self._tls, self._sock):
            try:
                if s:
                    s.close()
            except OSError:  # already closed by a failed handshake
                pass
        self._tls = self._sock = None

    def fill(self):
        """Read what has arrived; True once a whole packet is there.

        Raises:
            NetworkError: the end, or half a packet that stays half.
        """
        if self._need and self._have == self._need:
            self._have = self._need = self._at = 0  # what umqtt left of the last packet is dropped
        while True:
            n = self._receive()
            if n is None:
                if (self._have or self._skip) and self._is_stalled(self._since):
                    raise NetworkError("timeout", "half a packet")
                return False
            if not n:
                raise NetworkError("cut", "the broker closed")
            if self._take(n):
                return True

    def flush(self):
        """Send what the socket takes; True when all is gone.

        Raises:
            NetworkError: it takes nothing for too long.
        """
        try:
            while self._sending or self._out:
                if not self._sending:
                    # after a refusal TLS must be given the same bytes again: nothing is added
                    self._sending, self._out = self._out, b""
                    self._out_since = time.ticks_ms()
                n = self._tls.write(self._sending)
                if not n:
                    if self._is_stalled(self._out_since):
                        raise NetworkError("timeout", "sending")
                    return False
                self._sending = self._sending[n:]
        except (OSError, ValueError) as e:
            raise self._host.error(e)
        return True

    def _next(self):
        while not (self.flush() and self.fill()):
            if self.deadline is None:
                return False
            if time.ticks_diff(self.deadline, time.ticks_ms()) < 0:
                raise NetworkError("timeout", "logging on")
            time.sleep_ms(5)  # holds the loop: only umqtt's connect and subscribe get here
        return True

    def _ready_bytes(self):
        return self._need if self._have == self._need else 0

    def _receive(self):
        if self._skip:
            part = self._view[: min(self._skip, _PACKET_BYTES)]
        elif self._need:
            part = self._view[self._have : self._need]
        else:
            part = self._view[self._have : self._have + 1]
        try:
            return self._tls.readinto(part)
        except (OSError, ValueError) as e:
            raise self._host.error(e)

    def _take(self, n):
        """Account for n more bytes; True when they complete a packet."""
        if self._skip:
            self._skip -= n
            return False
        if not self._have:
            self._since = time.ticks_ms()
        self._have += n
        if not self._need:
            self._need = packet_bytes(self._view, self._have)
        if self._need > _PACKET_BYTES:
            self._log("link", "skipping a packet of", self._need, "bytes")
            self._skip = self._need - self._have
            self._have = self._need = 0
        return self._need > 0 and self._have == self._need

    def _is_stalled(self, since):
        return time.ticks_diff(time.ticks_ms(), since) > _STALL_MS


def packet_bytes(buffer, have):
    """Length of a whole MQTT packet from its first `have` bytes; 0 while its header is short.

    Raises:
        NetworkError: no MQTT header looks like this.
    """
    if have < 2 or buffer[have - 1] & 0x80:
        if have >= 5:
            raise NetworkError("cut", "no MQTT packet")
        return 0
    n = 0
    for i in range(have - 1, 0, -1):
        n = n << 7 | (buffer[i] & 0x7F)
    return have + n
