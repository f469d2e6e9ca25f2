"""A connection's two ends are bounded in size, pace and every wait."""

import asyncio
import contextlib

import pytest

from host.broker import streams
from host.broker.streams import PacketReader, PacketWriter

PING = b"\xc0\0"


async def read_from(sent, count, is_paced=True):
    """Seconds that it takes to read so many packets, and why the stream ended, if it did."""
    stream = asyncio.StreamReader()
    stream.feed_data(sent)
    stream.feed_eof()
    reader = PacketReader(stream, 5)
    reader.is_paced = is_paced
    began = asyncio.get_running_loop().time()
    for _ in range(count):
        await reader.read(2)
    return asyncio.get_running_loop().time() - began, reader.why


@pytest.mark.parametrize(("is_paced", "is_slow"), ((True, True), (False, False)))
def test_a_device_is_heard_fifty_times_a_second_and_the_bridge_without_bound(is_paced, is_slow):
    seconds, _ = asyncio.run(read_from(PING * 51, 51, is_paced))
    assert (seconds > 0.9) is is_slow


def test_fifty_packets_may_come_at_once():
    assert asyncio.run(read_from(PING * 50, 50))[0] < 0.5


def test_a_packet_is_handed_out_in_the_pieces_asked_for():
    async def pieces():
        stream = asyncio.StreamReader()
        stream.feed_data(b"\x30\x04\0\x01tx" + PING)
        reader = PacketReader(stream, 5)
        return [await reader.read(n) for n in (1, 1, 3, 99, 99)]

    assert asyncio.run(pieces()) == [b"\x30", b"\x04", b"\0\x01t", b"x", PING]


@pytest.mark.parametrize(
    ("sent", "why"),
    (
        (b"", "closed by the client"),
        (b"\x30", "closed by the client"),
        (b"\x30\x05\0", "closed by the client"),
        (b"\x30\xff\xff\xff\xff\x01", "bad packet: its length has no end"),
        (b"\x30\xff\xff\xff\x7f", "bad packet: 268435455 bytes are more than 8192"),
        (b"\x00\x00", "bad packet: type 0 is not for clients to send"),
    ),
)
def test_the_reason_of_an_end_is_kept(sent, why):
    assert asyncio.run(read_from(sent, 1))[1] == why


@contextlib.asynccontextmanager
async def unread():
    """A writer to somebody who does not read."""
    accepted = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(lambda *ends: accepted.set_result(ends), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    _, client = await asyncio.open_connection("127.0.0.1", port, limit=1)
    _, stream = await accepted
    try:
        yield stream, PacketWriter(stream)
    finally:
        client.transport.abort()
        stream.transport.abort()
        server.close()
        await server.wait_closed()


def fill(stream, writer):
    """Write until the system takes no more and bytes wait here."""
    for _ in range(1000):
        writer.write(b"x" * 65536)
        if stream.transport.get_write_buffer_size() > 128 * 1024:
            return


def test_who_leaves_too_much_unread_is_dropped():
    async def scene():
        async with unread() as (stream, writer):
            fill(stream, writer)
            for _ in range(4):
                writer.write(b"x" * 65536)
            return stream.transport.is_closing()

    assert asyncio.run(scene()) is True


def test_who_does_not_read_is_not_waited_for_without_end(monkeypatch):
    monkeypatch.setattr(streams, "_WRITE_S", 0.05)

    async def scene():
        async with asyncio.timeout(5), unread() as (stream, writer):
            fill(stream, writer)
            with pytest.raises(ConnectionResetError):
                await writer.drain()
            return stream.transport.is_closing()

    assert asyncio.run(scene()) is True


def test_a_goodbye_that_nobody_reads_does_not_hold_up(monkeypatch):
    monkeypatch.setattr(streams, "_CLOSE_S", 0.05)

    async def scene():
        async with asyncio.timeout(5), unread() as (stream, writer):
            fill(stream, writer)
            await writer.close()
            writer.write(b"after the end")
            await writer.drain()
            await writer.close()
            return stream.transport.is_closing()

    assert asyncio.run(scene()) is True
