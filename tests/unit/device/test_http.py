"""HTTP against real TLS sockets, and every way a server can misbehave."""

import calendar
import datetime
import json
import random
import time

import pytest
from tls_server import TlsServer

EPOCH_2000 = 946684800
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: Sun, 01 Feb 2026 10:00:00 GMT\r\n\r\nhello"

GET = """
import asyncio
from rig import Rig
from device.errors import DeviceError
rig = Rig(*given[:2])
async def main():
    for _ in range(given[2]):
        try:
            response = await rig.http.get("/thing", *given[3])
            print(response.status, await response.read(1000))
        except DeviceError as e:
            print(type(e).__name__, e.code, getattr(e, "retry_after_s", ""))
asyncio.run(main())
"""


def answering(*answers):
    """Script: answer the n-th request of a connection with the n-th of these, then close."""

    def script(server, peer):
        for answer in answers:
            server.requests.append(peer.request())
            peer.send(answer)

    return script


def ask(on_board, authority, server, times=1, args=()):
    """What the board printed, without its log."""
    lines = on_board(GET, server.port, authority.der_hex, times, args)
    return [line for line in lines if not line.startswith(("mpfleet", "rtc"))]


def outcome(on_board, authority, leaf, answer, args=()):
    with TlsServer(leaf, answering(answer)) as server:
        return ask(on_board, authority, server, args=args)[0]


def test_a_body_arrives(on_board, authority, leaf):
    assert outcome(on_board, authority, leaf, OK) == "200 b'hello'"


def test_a_request_carries_path_name_and_credentials(on_board, authority, leaf):
    with TlsServer(leaf, answering(OK)) as server:
        ask(on_board, authority, server, args=(0, "application/x", "stage;1;2"))
    first, headers, _ = server.requests[0]
    assert first == "GET /api/device/v1/thing HTTP/1.1"
    assert headers == {
        "host": "mpfleet",
        "authorization": "Bearer 246f28010203:00",
        "accept": "application/x",
        "x-progress": "stage;1;2",
    }


def test_two_requests_share_a_connection(on_board, authority, leaf):
    with TlsServer(leaf, answering(OK, OK)) as server:
        lines = ask(on_board, authority, server, times=2)
    assert (lines, server.connections) == (["200 b'hello'"] * 2, 1)


def test_a_kept_connection_that_went_stale_is_replaced_once(on_board, authority, leaf):
    with TlsServer(leaf, answering(OK)) as server:  # closes after each answer, without saying so
        lines = ask(on_board, authority, server, times=2)
    assert (lines, server.connections) == (["200 b'hello'"] * 2, 2)


def test_connection_close_is_obeyed(on_board, authority, leaf):
    closing = OK.replace(b"Date", b"Connection: close\r\nDate")
    with TlsServer(leaf, answering(closing, OK)) as server:
        ask(on_board, authority, server, times=2)
    assert server.connections == 2


@pytest.mark.parametrize("status", (302, 401, 404, 410, 416, 500))
def test_a_status_becomes_a_word(on_board, authority, leaf, status):
    answer = f"HTTP/1.1 {status} Word\r\nContent-Length: 2\r\nLocation: /x\r\n\r\n{{}}".encode()
    assert outcome(on_board, authority, leaf, answer) == f"HttpError http-{status} None"


def test_a_wait_that_the_host_asks_for_is_handed_on(on_board, authority, leaf):
    answer = b"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\nRetry-After: 17\r\n\r\n"
    assert outcome(on_board, authority, leaf, answer) == "HttpError http-429 17"


def test_a_connection_is_kept_after_an_error_with_a_short_body(on_board, authority, leaf):
    error = b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\n{}"
    with TlsServer(leaf, answering(error, OK)) as server:
        lines = ask(on_board, authority, server, times=2)
    assert (lines[1], server.connections) == ("200 b'hello'", 1)


BAD = {
    "no HTTP": b"SSH-2.0-OpenSSH\r\n\r\n",
    "no length": b"HTTP/1.1 200 OK\r\n\r\nhello",
    "a negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
    "a length that is no number": b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "a body over the limit": b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + bytes(5000),
    "too many headers": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50 + b"Content-Length: 0\r\n\r\n",
    "bytes that are no text": b"HTTP/1.1 200 OK\r\n\xff\xfe: \xff\r\nContent-Type: \xff\r\n\r\n",
}


@pytest.mark.parametrize("answer", BAD.values(), ids=BAD)
def test_an_answer_that_makes_no_sense_is_refused(on_board, authority, leaf, answer):
    assert outcome(on_board, authority, leaf, answer) == "HttpError bad-answer None"


def test_a_line_never_asks_for_room_that_a_heap_in_pieces_has_not(on_board):
    script = """
import asyncio
import io
from device.connection import Connection


class Tls:
    stream = io.BytesIO(b"x" * 100 + b"\\r\\nnext")
    asked = 0

    def readline(self, limit):
        self.asked = max(self.asked, limit)
        return self.stream.readline(limit)


tls = Tls()
line = asyncio.run(Connection(None, tls, "host").readline(512))
print(len(line), tls.asked)
"""
    assert on_board(script) == ["100 64"]


def test_an_overlong_header_is_passed_over(on_board, authority, leaf):
    answer = OK.replace(b"Date", b"X-Long: " + b"x" * 3000 + b"\r\nDate")
    assert outcome(on_board, authority, leaf, answer) == "200 b'hello'"


PARTIAL = b"HTTP/1.1 206 Partial\r\nContent-Length: 3\r\nContent-Range: bytes %d-9/10\r\n\r\nrst"


def test_a_download_goes_on_at_an_offset(on_board, authority, leaf):
    with TlsServer(leaf, answering(PARTIAL % 7)) as server:
        lines = ask(on_board, authority, server, args=(7,))
    assert (lines, server.requests[0][1]["range"]) == (["206 b'rst'"], "bytes=7-")


@pytest.mark.parametrize("answer", (PARTIAL % 6, OK), ids=["another offset", "the whole"])
def test_an_answer_from_another_offset_is_refused(on_board, authority, leaf, answer):
    assert outcome(on_board, authority, leaf, answer, (7,)) == "HttpError bad-answer None"


@pytest.mark.parametrize("n", (0, 10, 50, len(OK) - 2))
def test_a_connection_cut_after_n_bytes_is_a_cut(on_board, authority, leaf, n):
    assert outcome(on_board, authority, leaf, OK[:n]) == "NetworkError cut "


IMPATIENT = """
import device.connection
device.connection._WAIT_MS = 300
device.connection._HANDSHAKE_MS = 300
"""


@pytest.mark.parametrize("n", (0, 10, len(OK) - 2))
def test_a_server_that_stalls_after_n_bytes_times_out_while_the_loop_goes_on(
    on_board, authority, leaf, n
):
    def script(server, peer):
        peer.request()
        peer.send(OK[:n])
        server.is_over.wait(20)

    ticking = GET.replace(
        "asyncio.run(main())",
        """
from time import ticks_ms, ticks_diff
async def tick():
    while True:
        start = ticks_ms()
        await asyncio.sleep_ms(10)
        global longest
        longest = max(longest, ticks_diff(ticks_ms(), start))
longest = 0
asyncio.get_event_loop().create_task(tick())
asyncio.run(main())
print("loop held", longest > 150)
""",
    )
    with TlsServer(leaf, script) as server:
        lines = on_board(IMPATIENT + ticking, server.port, authority.der_hex, 1, ())
        server.is_over.set()
    assert lines[-2:] == ["NetworkError timeout ", "loop held False"]


def test_a_handshake_that_stalls_times_out(on_board, authority, leaf):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        lines = on_board(IMPATIENT + GET, silent.getsockname()[1], authority.der_hex, 1, ())
    assert lines[-1] == "NetworkError timeout "


def test_what_stalls_while_nothing_is_left_outside_of_the_heap_is_out_of_memory(
    on_board, authority
):
    import socket

    starved = "import device.connection\ndevice.connection.is_starved = lambda: True\n"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        lines = on_board(starved + IMPATIENT + GET, port, authority.der_hex, 1, ())
    assert lines[-1] == "NetworkError out-of-memory "


def test_nobody_listening_is_refused_connection(on_board, authority):
    lines = on_board(GET, 1, authority.der_hex, 1, ())
    assert lines[-1] == "NetworkError refused-connection "


def test_a_name_that_nobody_knows_is_name_lookup(on_board, authority):
    script = GET.replace("rig = Rig(*given[:2])", "rig = Rig(*given[:2], ['no.such.invalid'])")
    assert on_board(script, 1, authority.der_hex, 1, ())[-1] == "NetworkError name-lookup "


def test_the_second_address_is_tried_and_remembered(on_board, authority, leaf):
    script = GET.replace(
        "rig = Rig(*given[:2])", "rig = Rig(*given[:2], ['127.0.0.9', '127.0.0.1'])"
    )
    with TlsServer(leaf, answering(OK)) as server:
        lines = on_board(script + "print(rig.host.address)", server.port, authority.der_hex, 1, ())
    assert lines[-2:] == ["200 b'hello'", "127.0.0.1"]


def test_a_certificate_of_another_name_is_refused(on_board, authority):
    assert outcome(on_board, authority, authority.leaf("other"), OK) == "NetworkError tls "


def test_a_certificate_of_another_authority_is_refused(on_board, authority, tmp_path):
    other = type(authority)(tmp_path)
    assert outcome(on_board, authority, other.leaf(), OK) == "NetworkError tls "


@pytest.mark.parametrize("year", (2020, 2090), ids=["expired", "not yet valid"])
def test_a_certificate_out_of_its_time_is_tried_once_more_at_the_floor(on_board, authority, year):
    start = datetime.datetime(year, 1, 1, tzinfo=datetime.UTC)
    with TlsServer(authority.leaf(start=start, days=30), answering(OK)) as server:
        lines = on_board(GET, server.port, authority.der_hex, 1, ())
    # this process' clock cannot be turned back: the second try fails as well, and is the last
    floor = "rtc (2025, 12, 25, 3, 17, 46, 40, 0)"
    assert [floor in lines, lines[-1]] == [True, "NetworkError tls "]


def test_a_date_is_heard(on_board, authority, leaf):
    with TlsServer(leaf, answering(OK)) as server:
        lines = on_board(GET, server.port, authority.der_hex, 1, ())
    assert "rtc (2026, 2, 1, 6, 10, 0, 0, 0)" in lines


def test_json_is_posted_without_credentials_where_asked(on_board, authority, leaf):
    script = GET.replace(
        'rig.http.get("/thing", *given[3])', 'rig.http.post("/register", {"a": 1}, False)'
    )
    with TlsServer(leaf, answering(OK)) as server:
        on_board(script, server.port, authority.der_hex, 1, ())
    first, headers, body = server.requests[0]
    assert (first.split()[0], json.loads(body), "authorization" in headers) == (
        "POST",
        {"a": 1},
        False,
    )


def test_dates_become_seconds(on_both):
    draw = random.Random(7)
    times = [draw.randrange(EPOCH_2000, EPOCH_2000 + 3_700_000_000) for _ in range(300)]
    times += [
        calendar.timegm((y, m, d, 0, 0, 0))
        for y in (2000, 2024, 2100)
        for m, d in ((2, 28), (3, 1))
    ]
    dates = [time.gmtime(t)[:6] for t in times]
    script = "from device.http import seconds\nprint([seconds(*d) for d in given[0]] == given[1])"
    assert on_both(script, dates, [t - EPOCH_2000 for t in times]) == ["True"]


@pytest.mark.parametrize(
    ("text", "expected"),
    (
        ("Sun, 06 Nov 2044 08:49:37 GMT", calendar.timegm((2044, 11, 6, 8, 49, 37)) - EPOCH_2000),
        ("Sun, 06 Nov 1994 08:49:37 GMT", None),
        ("Sunday, 06-Nov-94 08:49:37 GMT", None),
        ("Sun, 06 ovD 2044 08:49:37 GMT", None),
        ("", None),
        ("Sun, 06 Nov", None),
        ("Sun, xx Nov 2044 08:49:37 GMT", None),
    ),
)
def test_an_http_date(on_both, text, expected):
    script = "from device.http import parse_date\nprint(parse_date(given[0]))"
    assert on_both(script, text) == [str(expected)]
