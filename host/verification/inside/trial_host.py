"""A host for one board: device API and broker as SPEC sections 7 and 9 have them, no more."""

import hashlib
import json
import queue
import select
import struct
import threading
from email.utils import formatdate

from device import protocol
from host.storage import in_pieces
from host.verification.inside.tls import Server

_RAW = "application/octet-stream"
_LOOK_S = 0.1
_BODY_BYTES_MAX, _PACKET_BYTES_MAX = 64 * 1024, 16 * 1024


class Shelf:
    """Manifests and blobs by path of the API, in the forms they travel in; shared by all hosts."""

    def __init__(self):
        self._forms = {}
        self._lock = threading.Lock()

    def add(self, release):
        """Have a release's bytes there."""
        with self._lock:
            self._forms["/manifests/" + digest(release.manifest)] = {_RAW: release.manifest}
            for name in release.digests:
                path = "/blobs/" + name
                if path not in self._forms:
                    self._forms[path] = _forms(release.read(name))

    def find(self, path, accept):
        """(content type, bytes). Raises: KeyError where there is nothing."""
        forms = self._forms[path]
        return next((kind, data) for kind, data in forms.items() if kind in accept + _RAW)


def digest(data):
    """The name of bytes."""
    return hashlib.sha256(data).hexdigest()


def _forms(blob):
    packed = in_pieces(blob)
    return {protocol.PIECES: packed, _RAW: blob} if len(packed) < len(blob) else {_RAW: blob}


class TrialHost:
    """`reports` and `statuses` are what the board said; `offer` is what it is to run."""

    def __init__(self, certificate, shelf, metadata, metadata_version):
        self._shelf, self._metadata = shelf, metadata
        self._metadata_version = metadata_version
        self._api = Server(certificate, self._talk)
        self._broker = Server(certificate, self._listen)
        self.api_port, self.mqtt_port = self._api.port, self._broker.port
        self.reports, self.statuses = queue.Queue(), queue.Queue()
        self._assignment, self._offers = None, 0

    def close(self):
        """Be gone."""
        for server in (self._api, self._broker):
            server.close()

    def offer(self, release, assignment):
        """Assign a release, and say so to a board that listens."""
        self._assignment = {
            "assignment": assignment, "number": release.number,
            "manifest": digest(release.manifest), "size": len(release.manifest),
        }  # fmt: skip
        self._offers += 1

    def _talk(self, peer):
        while True:
            _, target, _ = peer.line().split(" ", 2)
            headers = {}
            while line := peer.line():
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            size = int(headers.get("content-length", 0))
            if size > _BODY_BYTES_MAX:
                raise EOFError
            status, kind, more, content = self._answer(
                target.removeprefix(protocol.API), headers, peer.take(size)
            )
            fields = {"Date": formatdate(usegmt=True), "Content-Type": kind,
                      "Content-Length": len(content), **more}  # fmt: skip
            head = [f"HTTP/1.1 {status} Word", *(f"{n}: {v}" for n, v in fields.items()), "", ""]
            peer.send("\r\n".join(head).encode() + content)

    def _answer(self, path, headers, body):
        """(status, content type, headers, bytes)."""
        if path == "/register":
            return _json({"state": "claimed"})
        if path == "/assignment":
            told = {"state": "claimed", "release": self._assignment, "poll_s": 30}
            return _json({**told, "metadata": self._metadata_version, "retry_active": False})
        if path == "/reports":
            reports = json.loads(body)
            for report in reports:
                self.reports.put(report)
            return _json({"accepted": len(reports)})
        if path in self._metadata:
            return 200, "application/json", {}, self._metadata[path]
        return self._content(path, headers)

    def _content(self, path, headers):
        try:
            kind, content = self._shelf.find(path, headers.get("accept", ""))
        except KeyError:
            return _json({"error": "not-found", "message": "There is none."}, 404)
        start = int(headers.get("range", "bytes=0-")[6:].partition("-")[0])
        if start >= len(content) and start:
            return 416, kind, {}, b""
        if not start:
            return 200, kind, {}, content
        place = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        return 206, kind, place, content[start:]

    def _listen(self, peer):
        _packet(peer)  # whoever comes is the board: nobody else is in here
        peer.send(b"\x20\x02\0\0")
        topic, told = b"", self._offers
        while not self._broker.is_over.is_set():
            if self._offers != told and topic:
                told = self._offers
                message = struct.pack("!H", len(topic)) + topic + b'{"what": "check"}'
                peer.send(bytes((0x30, len(message))) + message)
            if peer.has_more or select.select((peer.connection,), (), (), _LOOK_S)[0]:
                topic = self._obey(peer, *_packet(peer)) or topic

    def _obey(self, peer, kind, body):
        """Answer a packet; the topic it subscribes to, if it does."""
        if kind & 0xF0 == 0x80:
            peer.send(b"\x90\x03" + body[:2] + b"\0")
            return body[4:-1]
        if kind == 0xC0:
            peer.send(b"\xd0\0")
        elif kind & 0xF0 == 0x30:
            self._published(peer, kind, body)
        return None

    def _published(self, peer, kind, body):
        size = struct.unpack("!H", body[:2])[0]
        topic, rest = body[2 : 2 + size], body[2 + size :]
        if kind & 6:  # QoS 1
            peer.send(b"\x40\x02" + rest[:2])
            rest = rest[2:]
        if topic.endswith(b"/status"):
            self.statuses.put(json.loads(rest))


def _json(value, status=200):
    return status, "application/json", {}, json.dumps(value).encode()


def _packet(peer):
    """An MQTT packet: (first byte, body). Raises: EOFError."""
    kind = peer.take(1)[0]
    size = shift = 0
    while True:
        digit = peer.take(1)[0]
        size |= (digit & 127) << shift
        shift += 7
        if size > _PACKET_BYTES_MAX or shift > 28:
            raise EOFError
        if not digit & 128:
            return kind, peer.take(size)
