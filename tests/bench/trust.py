"""What trust costs a board: signatures and HTTP bytes of a talk on a kept connection, and heap.

Usage: python -m tests.bench.trust [MICROPYTHON]; the heap is of that one, a chip's where it is a
32-bit build. Bytes are HTTP's, both ways, below TLS; releases are what is looked up, not fetched.
"""

import datetime as dt
import json
import subprocess
import sys
import tempfile
from collections import Counter
from email.utils import formatdate
from pathlib import Path

from device import protocol
from host import pki
from simulator import micropython
from tests.approvals import Approvals
from tests.bench import heap
from tests.unit.device.tls_server import TlsServer
from tests.unit.device.update.repository import KEYS, digest, manifest_of

_ROOT = Path(__file__).parents[2]
_PRODUCT = KEYS[4]  # signs the delegated role
_LIMITS = {
    # signatures, bytes: an idle check; timestamp and snapshot and the thresholds of the roles
    "idle": (1, 1000),
    "release": (3, None),
    "delegated": (4, None),
}


class Host:
    """Counts; each mark of the board is a change here."""

    def __init__(self):
        self.approvals = Approvals()
        self.repository = self.approvals.repository
        self.mark = "before"
        self.bytes = Counter()
        self.release = None

    def change(self, name):
        """What happened since the last talk."""
        self.mark = name
        if name == "renewed":  # by the engine, at half a timestamp's life
            self.repository.next()
        if name == "release":
            self._approve(5, "targets")
        if name == "delegated":
            self.repository.delegate("blink", _PRODUCT, paths=["blink/*"])
            self.repository.signed["blink"]["expires"] = self.repository.signed["root"]["expires"]
            self._approve(6, "blink")

    def _approve(self, number, role):
        manifest = manifest_of(number, {"app/main.mpy": bytes(100)})
        self.approvals.approve(manifest, role)
        self.repository.next("targets")
        self.release = {"assignment": number, "number": number}
        self.release |= {"manifest": digest(manifest), "size": len(manifest)}

    def answer(self, path):
        """Status and body."""
        if path == "/assignment":
            told = {"state": "claimed", "release": self.release, "poll_s": 3600}
            return 200, json.dumps(told | {"metadata": self.approvals.version}).encode()
        data = self.approvals.files().get(path)
        return (404, b'{"error": "not-found"}') if data is None else (200, data)

    def serve(self, _, peer):
        """One connection."""
        while True:
            first, headers, _ = peer.request()
            path = first.split()[1].removeprefix(protocol.API)
            if path.startswith("/mark/"):
                self.change(path.removeprefix("/mark/"))
            status, body = self.answer(path)
            lines = (
                f"HTTP/1.1 {status} Word",
                f"Content-Length: {len(body)}",
                f"Date: {formatdate(usegmt=True)}",
                "Content-Type: application/json",
            )
            data = "\r\n".join((*lines, "", "")).encode() + body
            asked = len(first) + 4 + sum(len(k) + len(v) + 4 for k, v in headers.items())
            if not path.startswith("/mark/"):
                self.bytes[self.mark] += asked + len(data)
            peer.send(data)


def visits(interpreter):
    """{mark: (signatures, bytes)} of one board's talks; its heap is not bounded here."""
    host = Host()
    with tempfile.TemporaryDirectory() as folder:
        pki.ensure(Path(folder) / "pki", "mpfleet", (), dt.datetime.now(dt.UTC))
        state = Path(folder) / "state"
        state.mkdir()
        (state / "ca.hex").write_text(pki.ca_der(Path(folder) / "pki").hex())
        (state / "root.json").write_bytes(host.approvals.root)
        with TlsServer(Path(folder) / "pki" / pki.SERVER_FILE, host.serve) as server:
            script = Path(__file__).with_name("trust_board.py")
            command = [interpreter, script, _ROOT, str(server.port), state]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    found = [json.loads(line[1:]) for line in done.stdout.splitlines() if line.startswith("=")]
    if done.returncode or len(found) < len(_LIMITS):
        sys.exit(done.stdout + done.stderr)
    return {name: (signatures, host.bytes[name]) for name, signatures, _ in found}


def main(interpreter):
    """Print a table; status 1 where a limit is passed."""
    over = []
    print(f"{'talk':12} {'signatures':>10} {'bytes':>7}   limits")
    for name, found in visits(micropython()).items():
        limits = _LIMITS.get(name, (None, None))
        over += [name for n, limit in zip(found, limits, strict=True) if limit and n > limit]
        shown = ", ".join(str(limit) for limit in limits if limit)
        print(f"{name:12} {found[0]:>10} {found[1]:>7}   {shown}")
    with tempfile.TemporaryDirectory() as folder:
        heap.prepare(Path(folder))
        found = heap.measure(interpreter, Path(folder), "app")
    print(f"heap at its peak, above idle: {found['check']:,} bytes of {interpreter}")
    return f"over the limit: {', '.join(over)}" if over else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else str(micropython())))
