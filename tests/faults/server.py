"""A host for one board: the device API and a broker over TLS, told where to answer wrongly."""

import json
import queue
import select
import struct
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from hashlib import sha256

from device import protocol
from host import patches
from host.storage import in_pieces
from tests.approvals import Approvals
from tests.unit.device.tls_server import TlsServer

_RAW = "application/octet-stream"


@dataclass
class Wrong:
    """An answer that goes wrong: the `times` after the first `skip` on this kind of path.

    `what`: a status, or "cut", "stall", "corrupt", "lose", "delay" or "insert" at a place of
    PLACES. A status with `seconds` goes on for so long after its first time.
    """

    path: str
    what: object
    place: str = ""
    skip: int = 0
    times: int = 1
    seconds: float = 0
    retry_after_s: int = 0
    began: float = 0
    hits: list = field(default_factory=list)  # time.monotonic() of each

    def strikes(self):
        """Whether it concerns the answer that is due now."""
        if self.skip:
            self.skip -= 1
            return False
        now = time.monotonic()
        self.began = self.began or now
        is_due = now - self.began < self.seconds if self.seconds else len(self.hits) < self.times
        if is_due:
            self.hits.append(now)
        return is_due


# Where in an answer, by length of its head, its body, and its index and first piece.
PLACES = {
    "status-line": lambda head, body, index, piece: 10,
    "in-head": lambda head, body, index, piece: head // 2,
    "head-end": lambda head, body, index, piece: head,
    "body-begin": lambda head, body, index, piece: head + 1,
    "index-end": lambda head, body, index, piece: head + index,
    "piece-end": lambda head, body, index, piece: head + piece,
    "middle": lambda head, body, index, piece: head + body // 2,
    "last": lambda head, body, index, piece: head + body - 1,
}


class Content:
    """Blobs and manifests by path, in the forms they travel in; and what vouches for them."""

    def __init__(self, releases, source=None):
        self.approvals = Approvals(*releases)
        self._forms = {path: {_RAW: data} for path, data in self.approvals.files().items()}
        for release in releases:
            manifest = sha256(release.manifest).hexdigest()
            self._forms["/manifests/" + manifest] = {_RAW: release.manifest}
            for name, blob in release.blobs.items():
                self._forms["/blobs/" + name] = _forms(blob, source)

    def find(self, path, accept):
        """(content type, bytes) of what is at a path. Raises KeyError where there is nothing."""
        forms = self._forms[path]
        return next((kind, data) for kind, data in forms.items() if kind in accept + _RAW)


def _forms(blob, source):
    forms = {}
    if source and len(blob) > 100_000 and blob[:1] == source[:1] == b"\xe9":
        name = sha256(source).hexdigest()
        forms[f"{protocol.PATCH};from={name}"] = patches.make(source, blob)
    packed = in_pieces(blob)
    if len(packed) < len(blob):
        forms[protocol.PIECES] = packed
    return {**forms, _RAW: blob}


class Host:
    """`reports` holds what came and was not taken yet; `asked` a (time, path, status) each."""

    def __init__(self, leaf, content):
        self._content = content
        self._api = TlsServer(leaf, self._answer)
        self._broker = TlsServer(leaf, self._listen)
        self.ports = {8443: self._api.port, 8883: self._broker.port}
        self.assignment = None
        self.wrongs = []
        self.reports = queue.Queue()
        self.asked = []
        self.clock_s = 0  # how far its Date is off
        self._word = ""

    def close(self):
        """Stop both servers."""
        for server in (self._api, self._broker):
            server.__exit__()

    def offer(self, assignment, release):
        """Assign a release, and say so to a board that listens."""
        self.assignment = {
            "assignment": assignment,
            "number": release.number,
            "manifest": sha256(release.manifest).hexdigest(),
            "size": len(release.manifest),
        }
        self._word = f"check {assignment}"

    def _answer(self, server, peer):
        while True:
            first, headers, body = peer.request()
            path = first.split()[1].removeprefix(protocol.API)
            kind = path.split("/")[1]
            wrong = next((w for w in self.wrongs if w.path == kind and w.strikes()), None)
            if wrong and isinstance(wrong.what, int):
                status, answer = wrong.what, _json({"error": "busy", "message": "Not now."})
                more = {"Retry-After": wrong.retry_after_s} if wrong.retry_after_s else {}
            else:
                status, answer, more = self._right(kind, path, headers, body)
            self.asked.append((time.monotonic(), path, status))
            if not self._send(server, peer, status, answer, more, wrong):
                return

    def _right(self, kind, path, headers, body):
        if kind == "assignment":
            told = {"state": "claimed", "release": self.assignment, "poll_s": 1}
            return 200, _json(told | {"metadata": self._content.approvals.version}), {}
        if kind == "register":
            return 200, _json({"state": "claimed"}), {}
        if kind == "reports":
            for report in json.loads(body):
                self.reports.put(report)
            return 200, _json({"accepted": 1}), {}
        try:
            content_type, data = self._content.find(path, headers.get("accept", ""))
        except KeyError:
            return 404, _json({"error": "not-found", "message": "There is none."}), {}
        start = int(headers.get("range", "bytes=0-")[6:-1])
        more = {"Content-Type": content_type.split(";")[0]}
        if start >= len(data):
            return 416, b"", more
        if not start:
            return 200, data, more
        more["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        return 206, data[start:], more

    def _send(self, server, peer, status, answer, more, wrong):
        """False where the connection ends with it."""
        date = formatdate(time.time() + self.clock_s, usegmt=True)
        fields = {"Date": date, "Content-Length": len(answer), **more}
        lines = [f"HTTP/1.1 {status} Word", *(f"{k}: {v}" for k, v in fields.items()), "", ""]
        head = "\r\n".join(lines).encode()
        data = head + answer
        if wrong is None or isinstance(wrong.what, int):
            peer.send(data)
            return True
        at = PLACES[wrong.place](len(head), len(answer), *_lengths(answer))
        at = min(at, len(data) - 1)
        return _WRONGS[wrong.what](server, peer, data, at)

    def _listen(self, server, peer):
        connection = peer.connection
        _packet(connection)
        peer.send(b"\x20\x02\0\0")
        _, subscribe = _packet(connection)
        topic = subscribe[4:-1]
        peer.send(b"\x90\x03" + subscribe[:2] + b"\0")
        said = self._word
        while not server.is_over.is_set():
            if self._word != said:
                said = self._word
                message = struct.pack("!H", len(topic)) + topic + b'{"what": "check"}'
                peer.send(bytes((0x30, len(message))) + message)
            if connection.pending() or select.select((connection,), (), (), 0.05)[0]:
                kind, _ = _packet(connection)
                if kind == 0xC0:
                    peer.send(b"\xd0\0")


def _corrupt(server, peer, data, at):
    peer.send(data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :])
    return True


def _cut(server, peer, data, at):
    peer.send(data[:at])
    return False


def _stall(server, peer, data, at):
    peer.send(data[:at])
    peer.connection.recv(1)  # until the board gives up
    return False


def _lose(server, peer, data, at):
    peer.send(data[:at] + data[at + 16 :])
    return True


def _insert(server, peer, data, at):
    peer.send(data[:at] + b"\0unasked" + data[at:])
    return True


def _delay(server, peer, data, at):
    peer.send(data[:at])
    server.is_over.wait(0.7)
    peer.send(data[at:])
    return True


_WRONGS = {
    "corrupt": _corrupt,
    "cut": _cut,
    "stall": _stall,
    "lose": _lose,
    "insert": _insert,
    "delay": _delay,
}


def _lengths(answer):
    """Of the index and of index and first piece, where an answer has them."""
    if answer[:4] not in (protocol.PIECES_MAGIC, protocol.PATCH_MAGIC):
        return 12, protocol.PIECE_BYTES
    at = 12 if answer[:4] == protocol.PIECES_MAGIC else 48
    [count] = struct.unpack_from("<I", answer, 8)
    index = at + 4 * count
    return index, index + struct.unpack_from("<I", answer, at)[0]


def _json(value):
    return json.dumps(value).encode()


def _packet(connection):
    """An MQTT packet: (first byte, body). Raises EOFError where the board goes."""
    kind = _take(connection, 1)[0]
    size = shift = 0
    while True:
        digit = _take(connection, 1)[0]
        size |= (digit & 127) << shift
        shift += 7
        if not digit & 128:
            return kind, _take(connection, size)


def _take(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data
