"""The two ends of a connection as the broker sees them: bounded in size, pace and every wait."""

import asyncio
import logging

from host.broker.packets import BadPacketError, check, check_kind

CLOSED = "closed by the client"
PACKET_BYTES_MAX = 8192  # an app's message has up to 4 kB, its topic 256
_UNREAD_BYTES_MAX = 256 * 1024  # waiting for a client that does not read
_PACKETS_PER_S = 50  # of one device; a second's worth may come at once
_WRITE_S = 20
_CLOSE_S = 1  # a board without power never answers the goodbye

_log = logging.getLogger(__name__)


class PacketReader:
    """Hands out whole, well-formed packets; ends at the first that is not, or when none comes."""

    def __init__(self, stream, first_s):
        self._stream = stream
        self._packet = b""
        self._at = 0
        self._window_end = 0.0
        self._count = 0
        self.idle_s = first_s  # how long a packet may take to arrive, silence before it included
        self.is_paced = True
        self.who = "a stranger"
        self.why = CLOSED

    async def read(self, n):
        """At most `n` bytes of one packet; nothing when the stream has ended."""
        if self._at == len(self._packet):
            self._packet, self._at = await self._next_or_end(), 0
        piece = self._packet[self._at : self._at + n]
        self._at += len(piece)
        return piece

    def feed_eof(self):
        """Part of the reader's interface: nothing waits for it here."""

    async def _next_or_end(self):
        try:
            async with asyncio.timeout(self.idle_s):
                await self._keep_pace()
                return await self._next()
        except TimeoutError:
            self.why = f"silent for {self.idle_s:.0f} s"
        except BadPacketError as error:
            self.why = f"bad packet: {error}"
        except (asyncio.IncompleteReadError, OSError):
            pass
        return b""

    async def _next(self):
        head = bytearray(await self._stream.readexactly(2))
        check_kind(head[0] >> 4)
        while head[-1] & 0x80:
            if len(head) == 5:
                raise BadPacketError("its length has no end")
            head += await self._stream.readexactly(1)
        size = sum((byte & 0x7F) << 7 * i for i, byte in enumerate(head[1:]))
        if size > PACKET_BYTES_MAX:
            raise BadPacketError(f"{size} bytes are more than {PACKET_BYTES_MAX}")
        body = await self._stream.readexactly(size)
        check(head[0] >> 4, head[0] & 15, body)
        return bytes(head) + body

    async def _keep_pace(self):
        now = asyncio.get_running_loop().time()
        if now >= self._window_end:
            self._window_end, self._count = now + 1, 0
        self._count += 1
        if self.is_paced and self._count > _PACKETS_PER_S:
            await asyncio.sleep(self._window_end - now)


class PacketWriter:
    """Writes until the client stops reading, then drops the connection."""

    def __init__(self, stream):
        self._stream = stream
        self._is_closed = False

    def write(self, data):
        """Queue bytes; a client that leaves too many unread is dropped."""
        if self._is_closed:
            return
        if self._stream.transport.get_write_buffer_size() > _UNREAD_BYTES_MAX:
            self._stream.transport.abort()
        else:
            self._stream.write(data)

    async def drain(self):
        """Wait until the queue is short. Raises: ConnectionResetError when that takes too long."""
        if self._is_closed:
            return
        try:
            async with asyncio.timeout(_WRITE_S):
                await self._stream.drain()
        except TimeoutError:
            self._stream.transport.abort()
            raise ConnectionResetError("the client does not read") from None

    async def close(self):
        """Say goodbye, but not for long."""
        if self._is_closed:
            return
        self._is_closed = True
        self._stream.close()
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._stream.wait_closed()
        except TimeoutError:
            self._stream.transport.abort()
        except OSError:
            pass  # the client has gone: there is nothing left to abort

    def get_peer_info(self):
        """Address and port of the client, or None when it has gone already."""
        peer = self._stream.get_extra_info("peername")
        return peer[:2] if peer else None

    def get_ssl_info(self):
        """The TLS session, as amqtt keeps it with the client's."""
        return self._stream.get_extra_info("ssl_object")
