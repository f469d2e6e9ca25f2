"""A host of a few lines for one virtual board: device API and broker record what it says."""

import contextlib
import json
import queue
import time
from email.utils import formatdate

from test_link import CONNACK, packet, publish, read_packet
from tls_server import TlsServer

from host.builder import release
from host.deploy import steps
from host.deploy.plan import Network, Plan

DESCRIPTION = {"product": "blink", "version": "1", "description": "", "boards": ["ESP32_GENERIC"]}


class Fleet:
    """`reports` and `status` are what came so far; `notify` speaks to the board."""

    def __init__(self, authority, leaf):
        self._authority = authority
        self._release = None
        self._api = TlsServer(leaf, self._answer)
        self._broker = TlsServer(leaf, self._listen)
        self.requests = []
        self.reports = queue.Queue()
        self.status = queue.Queue()
        self.answers = {}  # path → (status, value) instead of the usual
        self.date = formatdate(usegmt=True)
        self._to_board = queue.Queue()

    def close(self):
        """Stop both servers."""
        for server in (self._api, self._broker):
            server.__exit__()

    def deploy(self, board, folder, source, wait_s=30, addresses=("127.0.0.1",), **config):
        """Set the board up with an application of this source; returns once it is online."""
        (folder / "app").mkdir(parents=True, exist_ok=True)
        (folder / "app" / "main.py").write_text(source)
        (folder / "mpfleet.json").write_text(json.dumps(DESCRIPTION))
        self._release = release.build(folder, 1, 1795000000)
        plan = Plan(
            product="blink",
            addresses=addresses,
            port=self._api.port,
            mqtt_port=self._broker.port,
            fleet="mpfleet",
            ca_der=bytes.fromhex(self._authority.der_hex),
            wifi=[Network("home", "secret12")],
            model="ESP32_GENERIC",
            config=config,
            wait_s=wait_s,
        )
        return steps.deploy(board.port, plan, self, lambda event: None)

    def notify(self, what):
        """Say a word over MQTT."""
        self._to_board.put(what)

    # What a deploy asks of a host.

    def releases(self, product):
        """The one release."""
        return [{"number": 1, "state": "approved"}]

    def manifest(self, product, number):
        """Its manifest."""
        return self._release.manifest

    def blob(self, sha256):
        """One of its blobs."""
        return self._release.blobs[sha256]

    def enrolment_token(self):
        """A token."""
        return "token"

    def find_device(self, device_id):
        """None is known."""

    # The board's side.

    def _answer(self, server, peer):
        while True:
            first, headers, body = peer.request()
            self.requests.append((first, headers, body))
            path = first.split()[1].rpartition("/")[2]
            if path == "reports":
                for report in json.loads(body):
                    self.reports.put(report)
            usual = {
                "register": {"state": "claimed"},
                "assignment": {"state": "claimed", "release": None},
                "reports": {"accepted": 1},
            }
            status, value = self.answers.get(path) or (200, usual[path])
            data = json.dumps(value).encode()
            length = f"Content-Length: {len(data)}"
            head = f"HTTP/1.1 {status} Word\r\nDate: {self.date}\r\n{length}\r\n\r\n"
            peer.send(head.encode() + data)

    def _listen(self, server, peer):
        read_packet(peer)
        peer.send(CONNACK)
        _, subscribe = read_packet(peer)
        topic = subscribe[4:-1].decode()
        peer.send(packet(0x90, subscribe[:2] + b"\x00"))
        peer.connection.settimeout(0.1)
        while not server.is_over.is_set():
            with contextlib.suppress(queue.Empty):
                peer.send(
                    publish(topic, json.dumps({"what": self._to_board.get_nowait()}).encode())
                )
            with contextlib.suppress(TimeoutError):
                kind, data = read_raw(peer.connection)
                if b"/status" in data and kind >> 4 == 3:
                    self.status.put(json.loads(data[data.index(b"{") :]))


def read_raw(connection):
    """One packet; a time-out only before its first byte. Raises EOFError where the board goes."""
    kind = take(connection, 1)
    connection.settimeout(20)
    n = shift = 0
    while True:
        digit = take(connection, 1)[0]
        n |= (digit & 0x7F) << shift
        shift += 7
        if not digit & 0x80:
            break
    data = take(connection, n)
    connection.settimeout(0.1)
    return kind[0], data


def take(connection, n):
    """Exactly so many bytes."""
    data = b""
    while len(data) < n:
        part = connection.recv(n - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def wait_until(condition, timeout=10):
    """Wait for what another thread brings about."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
