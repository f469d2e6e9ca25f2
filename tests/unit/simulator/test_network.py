"""WiFi and what is behind it, with everything that can go wrong."""

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from simulator import AccessPoint, fault
from simulator.fault import Fault
from simulator.radio import LINK_STALL
from tests.boards import BoardError, execute

NETWORKS = [
    AccessPoint("home", "secret12"),
    AccessPoint("cafe", "", signal_dbm=-80),
    AccessPoint("busy", "secret12", fails=True),
    AccessPoint("away", "secret12", is_present=False),
]
JOIN = """
import network, time
w = network.WLAN(network.WLAN.IF_STA)
w.active(True)
w.config(reconnects=1)
w.connect(%r, %r)
while w.status() == network.STAT_CONNECTING:
    time.sleep(0.01)
"""
ONLINE = JOIN % ("home", "secret12")
CONNECT = """
import socket
s = socket.socket()
s.settimeout(%s)
s.connect(socket.getaddrinfo(%r, %d)[0][-1])
"""


@pytest.fixture
def board(board_maker):
    board = board_maker(access_points=[AccessPoint(**vars(n)) for n in NETWORKS])
    board.power_on()
    board.wait_for(">>> ")
    return board


@pytest.fixture
def server():
    """Greets whoever connects, then says back what it hears; "
    "`server.peers` are its connections."""

    class Server:
        def __init__(self):
            self.peers = []
            self.socket = socket.create_server(("127.0.0.1", 0))
            self.port = self.socket.getsockname()[1]
            threading.Thread(target=self.serve, daemon=True).start()

        def serve(self):
            with contextlib.suppress(OSError):
                while True:
                    peer, _ = self.socket.accept()
                    self.peers.append(peer)
                    threading.Thread(target=self.answer, args=(peer,), daemon=True).start()

        def answer(self, peer):
            with contextlib.suppress(OSError):
                peer.sendall(b"hello")
                while heard := peer.recv(1000):
                    peer.sendall(heard)

        def close(self):
            self.socket.shutdown(socket.SHUT_RDWR)
            for closed in [self.socket, *self.peers]:
                closed.close()

    server = Server()
    yield server
    server.close()


@pytest.mark.parametrize(
    ("ssid", "password", "status"),
    (
        ("home", "secret12", 1010),
        ("cafe", "", 1010),
        ("home", "wrong", 202),
        ("nowhere", "secret12", 201),
        ("away", "secret12", 201),
        ("busy", "secret12", 203),
    ),
)
def test_joining_ends_with_the_status_of_an_esp32(board, ssid, password, status):
    assert execute(board, JOIN % (ssid, password) + "print(w.status())") == f"{status}\n"


@pytest.mark.parametrize(("ssid", "status"), (("home", 202), ("nowhere", 201), ("busy", 1001)))
def test_without_a_limit_an_esp32_tries_for_ever_and_shows_some_reasons(board, ssid, status):
    code = (
        "import network, time\nw = network.WLAN()\nw.active(True)\n"
        f"w.connect('{ssid}', 'wrong')\ntime.sleep(0.5)\nprint(w.status())\n"
        "try:\n    w.connect('home', 'secret12')\nexcept OSError as e:\n    print(e)"
    )
    assert execute(board, code) == f"{status}\nWifi Internal State Error\n"


def test_a_radio_that_is_off_does_not_join(board):
    with pytest.raises(BoardError, match="Wifi Not Started"):
        execute(board, "import network; network.WLAN().connect('home', 'secret12')")


def test_a_scan_shows_what_is_on_the_air(board):
    found = execute(
        board,
        "import network\nw = network.WLAN()\nw.active(True)\n"
        "print([(n[0], n[3], n[4]) for n in w.scan()])",
    )
    assert found == "[(b'home', -55, 3), (b'busy', -55, 3), (b'cafe', -80, 0)]\n"


def test_a_joined_board_has_an_address(board):
    found = execute(
        board,
        ONLINE + "print(w.isconnected(), w.ifconfig()[0], w.config('ssid'), w.status('rssi'))",
    )
    assert found == f"True {board.station.address} home -55\n"


def test_the_board_notices_that_its_access_point_went_away_and_came_back(board):
    execute(board, ONLINE + "w.config(reconnects=-1)")
    board.radio.access_points[0].is_present = False
    assert execute(board, "while w.isconnected(): time.sleep(0.01)\nprint('gone')") == "gone\n"
    board.radio.access_points[0].is_present = True
    assert execute(board, "while not w.isconnected(): time.sleep(0.01)\nprint('back')") == "back\n"


@pytest.mark.parametrize("reset", ("soft", "hard"))
def test_wifi_outlives_a_soft_reset_only(board, reset):
    execute(board, ONLINE)
    at = board.mark
    if reset == "soft":
        board.type("\x04")
    else:
        board.reset()
    board.wait_for(">>> ", since=board.wait_for("\nMicroPython ", since=at))
    found = execute(board, "import network; print(network.WLAN().isconnected())")
    assert found == f"{reset == 'soft'}\n"


@pytest.mark.parametrize(
    ("host", "error"), (("192.168.1.5", "EHOSTUNREACH"), ("example.org", "EAI_FAIL"))
)
def test_there_is_no_network_before_the_board_has_joined(board, host, error):
    with pytest.raises(BoardError, match=error):
        execute(board, CONNECT % (2, host, 80))


def test_bytes_go_both_ways_and_are_counted(board, server):
    execute(board, ONLINE)
    found = execute(
        board,
        CONNECT % (2, "127.0.0.1", server.port) + "s.send(b'abc'); print(s.read(8)); s.close()",
    )
    assert (found, board.radio.bytes_in, board.radio.bytes_out) == ("b'helloabc'\n", 8, 3)


def test_a_name_leads_to_its_address(board, server):
    board.radio.names["host.lan"] = "127.0.0.1"
    found = execute(board, ONLINE + CONNECT % (2, "host.lan", server.port) + "print(s.read(5))")
    assert found == "b'hello'\n"


def test_a_name_that_is_not_there_fails(board):
    with pytest.raises(BoardError, match=r"-202, 'EAI_FAIL'"):
        execute(board, ONLINE + CONNECT % (2, "other.lan", 80))


def test_a_name_look_up_can_stall(board):
    board.radio.names["slow.lan"] = LINK_STALL
    board.radio.stall_s = 0.3
    code = (
        "t = time.ticks_ms()\ntry:\n    socket.getaddrinfo('slow.lan', 80)\n"
        "except OSError as e:\n    print(e.errno, time.ticks_diff(time.ticks_ms(), t) >= 300)"
    )
    assert execute(board, ONLINE + "import socket\n" + code) == "-202 True\n"


def test_a_closed_port_refuses(board):
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    with pytest.raises(BoardError, match="ECONNREFUSED"):
        execute(board, ONLINE + CONNECT % (2, "127.0.0.1", closed.getsockname()[1]))
    closed.close()


def test_an_unreachable_host_lets_the_board_wait(board, server):
    board.radio.unreachable.add("127.0.0.1")
    with pytest.raises(BoardError, match="ETIMEDOUT"):
        execute(board, ONLINE + CONNECT % (0.2, "127.0.0.1", server.port) + "print(s.read(5))")


def test_a_connection_can_stall_and_go_on(board, server):
    execute(board, ONLINE + CONNECT % (0.2, "127.0.0.1", server.port) + "s.read(5)")
    board.radio.stall()
    assert (
        execute(
            board, "s.send(b'x')\ntry:\n    s.read(1)\nexcept OSError as e:\n    print(e.errno)"
        )
        == "110\n"
    )
    board.radio.resume()
    assert execute(board, "print(s.read(1))") == "b'x'\n"


def test_ctrl_c_ends_a_wait_for_the_network(board, server):
    execute(board, ONLINE + CONNECT % (None, "127.0.0.1", server.port) + "s.read(5)")
    at = board.mark
    board.type("print('wai' + 'ting'); s.read(1)\r")
    at = board.wait_for("waiting", since=at)
    time.sleep(0.05)  # until it waits: before that Ctrl-C would need no help
    board.type("\x03")
    board.wait_for("KeyboardInterrupt", since=at)


def test_connections_can_be_dropped(board, server):
    execute(board, ONLINE + CONNECT % (2, "127.0.0.1", server.port) + "s.read(5)")
    board.radio.drop()
    with pytest.raises(BoardError, match="ECONNRESET"):
        execute(board, "s.read(1)")


def test_a_connection_can_be_cut_at_a_byte(board, server):
    board.radio.plan(Fault(fault.CUT, 3))
    found = execute(
        board, ONLINE + CONNECT % (2, "127.0.0.1", server.port) + "print(s.read(5), s.read(5))"
    )
    assert (found, board.radio.bytes_in) == ("b'hel' b''\n", 3)


def test_a_connection_can_go_silent_at_a_byte(board, server):
    board.radio.plan(Fault(fault.STALL, 3))
    code = "print(s.read(3))\ntry:\n    s.read(1)\nexcept OSError as e:\n    print(e.errno)"
    assert (
        execute(board, ONLINE + CONNECT % (0.2, "127.0.0.1", server.port) + code)
        == "b'hel'\n110\n"
    )


def test_a_connection_can_be_reset_at_a_byte(board, server):
    board.radio.plan(Fault(fault.RESET, 3))
    with pytest.raises(BoardError, match="ECONNRESET"):
        execute(board, ONLINE + CONNECT % (2, "127.0.0.1", server.port) + "s.read(5)\ns.read(5)")


@pytest.mark.parametrize(
    ("planned", "heard"),
    (
        (Fault(fault.CORRUPT, 1), b"hdllo"),
        (Fault(fault.LOSE, 1, size=2), b"hlo"),
        (Fault(fault.CORRUPT, 1, port=1), b"hello"),
        (Fault(fault.CORRUPT, 1, to_board=False), b"hello"),
    ),
    ids=("corrupt", "lose", "another-port", "the-other-way"),
)
def test_bytes_can_be_changed_or_lost(board, server, planned, heard):
    board.radio.plan(planned)
    code = ONLINE + CONNECT % (2, "127.0.0.1", server.port) + f"print(s.read({len(heard)}))"
    assert execute(board, code) == f"{heard}\n"


def test_a_fault_s_place_is_counted_over_connections(board, server):
    board.radio.plan(Fault(fault.CORRUPT, 6))
    code = ONLINE + 2 * (CONNECT % (2, "127.0.0.1", server.port) + "print(s.read(5))\n")
    assert execute(board, code) == "b'hello'\nb'hdllo'\n"


def test_bytes_can_come_later(board, server):
    board.radio.plan(Fault(fault.DELAY, 2, seconds=0.3))
    code = "at = time.ticks_ms()\nprint(s.read(5), time.ticks_diff(time.ticks_ms(), at) > 250)"
    code = ONLINE + CONNECT % (2, "127.0.0.1", server.port) + code
    assert execute(board, code) == "b'hello' True\n"


def test_a_place_can_be_where_something_else_happens(board, server):
    board.radio.plan(Fault(fault.CALL, 2, act=board.radio.drop))
    with pytest.raises(BoardError, match="ECONNRESET"):
        execute(board, ONLINE + CONNECT % (2, "127.0.0.1", server.port) + "s.read(5)\ns.read(5)")


def test_another_server_can_be_behind_an_address(board, server):
    board.radio.routes["10.0.0.1", 8443] = ("127.0.0.1", server.port)
    code = ONLINE + CONNECT % (2, "10.0.0.1", 8443) + "print(s.read(5))"
    assert execute(board, code) == "b'hello'\n"
    assert [look[1:] for look in board.radio.lookups] == [("10.0.0.1", 8443)]


def test_the_server_s_end_of_stream_reaches_the_board(board, server):
    execute(board, ONLINE + CONNECT % (2, "127.0.0.1", server.port) + "s.read(5)")
    server.peers[0].shutdown(socket.SHUT_RDWR)
    assert execute(board, "print(s.read(1))") == "b''\n"


def test_an_outage_of_the_access_point_holds_bytes_up(board, server):
    execute(
        board,
        ONLINE + CONNECT % (0.2, "127.0.0.1", server.port) + "s.read(5); w.config(reconnects=-1)",
    )
    board.radio.access_points[0].is_present = False
    assert (
        execute(
            board,
            "while w.isconnected(): time.sleep(0.01)\ns.send(b'x')\ntry:\n    s.read(1)\n"
            "except OSError as e:\n    print(e.errno)",
        )
        == "110\n"
    )
    board.radio.access_points[0].is_present = True
    assert (
        execute(board, "while not w.isconnected(): time.sleep(0.01)\nprint(s.read(1))") == "b'x'\n"
    )


@pytest.mark.parametrize(
    ("offset_s", "year"), ((0, datetime.datetime.now().year), (-86400 * 800, None))
)
def test_ntp_gives_the_time_of_its_servers(board, offset_s, year):
    board.radio.ntp = offset_s
    found = execute(board, ONLINE + "import ntptime; ntptime.settime(); print(time.gmtime()[0])")
    expected = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=offset_s)).year
    assert found == f"{year or expected}\n"


def test_without_time_servers_ntp_times_out(board):
    board.radio.ntp = None
    with pytest.raises(BoardError, match="ETIMEDOUT"):
        execute(board, ONLINE + "import ntptime; ntptime.settime()")


def issue(name, issuer=None):
    """(certificate, key) of a CA, or of a server named so."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.datetime(2024, 1, 1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=365 * 40))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if issuer:
        names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


@pytest.fixture(scope="module")
def authority():
    return issue("fleet CA")


@pytest.fixture
def tls_server(authority, tmp_path):
    certificate, key = issue("mpfleet", authority)
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            peer.settimeout(0.3)  # a board that refused a certificate may not hang up
            with (
                peer,
                contextlib.suppress(OSError),
                context.wrap_socket(peer, server_side=True) as secure,
            ):
                secure.sendall(b"hello")

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


SECURE = """
import machine, socket, ssl, asyncio
machine.RTC().datetime((%d, 6, 1, 0, 0, 0, 0, 0))
c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
c.verify_mode = ssl.CERT_REQUIRED
c.load_verify_locations(cadata=%r)
"""
BLOCKING = """
s = socket.socket()
s.connect(socket.getaddrinfo('127.0.0.1', %d)[0][-1])
print(c.wrap_socket(s, server_hostname=%r).read(5))
"""
ASYNC = """
async def main():
    r, w = await asyncio.open_connection('127.0.0.1', %d, ssl=c, server_hostname=%r)
    w.write(b'x')
    await w.drain()
    print(await r.read(5))
asyncio.run(main())
"""


def talk(board, port, ca, year, name, way):
    der = ca[0].public_bytes(serialization.Encoding.DER)
    return execute(board, ONLINE + SECURE % (year, der) + way % (port, name))


@pytest.mark.parametrize("way", (BLOCKING, ASYNC), ids=["blocking", "asyncio"])
def test_tls_works_with_the_fleet_s_name(board, tls_server, authority, way):
    assert talk(board, tls_server, authority, 2026, "mpfleet", way) == "b'hello'\n"


@pytest.mark.parametrize("way", (BLOCKING, ASYNC), ids=["blocking", "asyncio"])
@pytest.mark.parametrize(
    ("year", "name", "error"),
    (
        (2000, "mpfleet", "ValueError: \r?\nThe certificate validity starts in the future"),
        (2099, "mpfleet", "ValueError: \r?\nThe certificate validity has expired"),
        (2026, "other", "ValueError: \r?\nThe certificate Common Name"),
    ),
)
def test_tls_is_refused_at_the_board_s_clock_or_for_another_name(
    board, tls_server, authority, year, name, error, way
):
    with pytest.raises(BoardError, match=error):
        talk(board, tls_server, authority, year, name, way)


def test_tls_is_refused_for_another_ca(board, tls_server):
    with pytest.raises(BoardError, match="not correctly signed by the trusted CA"):
        talk(board, tls_server, issue("another CA"), 2026, "mpfleet", BLOCKING)
