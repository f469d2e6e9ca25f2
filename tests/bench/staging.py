"""Staging and sealing against their floors, in one MicroPython, over real sockets: a table.

Connecting, the handshake and asking are shown apart (`ms before`): the floor is a loop over bytes.
"""

import datetime as dt
import hashlib
import json
import shutil
import statistics
import subprocess
import tempfile
import zlib
from contextlib import ExitStack
from pathlib import Path

from device import protocol
from host import patches, pki
from host.builder import release
from host.storage import in_pieces
from simulator import micropython
from tests import memory
from tests.bench.plain_server import PlainServer
from tests.unit.device.tls_server import TlsServer

_ROOT = Path(__file__).parents[2]
_TIMES = 7
_ROOM = 0x180000
_RAW = "application/octet-stream"
_MOST = 1.25  # of staging and sealing, against their floors
_FILE_MOST, _FILE_MORE = 1.15, 4096  # of one changed file, against that file deflated
# way, its floors
_RATIOS = (
    ("image: raw", "image: floor, TLS", _MOST),
    ("image: raw", "image: floor", None),
    ("image: in pieces", "image: floor, TLS", _MOST),
    ("image: in pieces", "image: floor", None),
    ("image: patch", "image: floor, TLS", _MOST),
    ("image: sealing", "image: read and hash", _MOST),
    ("app: staging", "app: floor, TLS", _MOST),
)


def report(source, target):
    """Print it for an image `target` on a board that runs `source`, and for the example app."""
    app, changed = _apps()
    with tempfile.TemporaryDirectory(dir=memory.folder()) as folder, ExitStack() as stack:
        found = _run(Path(folder), stack, source, target, app, changed)
    print(f"  {'':<24}{'ms':>9}{'ms before':>14}{'body bytes':>14}{'heap':>10}")
    for name, figures in found.items():
        took = statistics.median(figures["ms"])
        before = statistics.median(figures["before"])
        shown = (name, took, before, figures["fetched"], figures["heap"])
        print("  {:<24}{:>9.1f}{:>14.1f}{:>14,}{:>10,}".format(*shown))
    ratios = [
        (f"{way} / {floor.split(': ')[1]}", _ratio(found, way, floor), most)
        for way, floor, most in _RATIOS
    ]
    ratios.append(_change(found["app: one file changed"]["fetched"], app, changed))
    for name, ratio, most in ratios:
        verdict = "" if most is None else f"  at most {most:.2f}: {_word(ratio <= most)}"
        print(f"  {name:<36}{ratio:>7.2f}{verdict}")


def _word(is_hit):
    return "hit" if is_hit else "missed"


def _ratio(found, way, floor):
    """The median of the ratios of each round; an app's with its many questions."""
    kinds = ("ms", "before") if way.startswith("app") else ("ms",)
    times = [
        [sum(t) for t in zip(*(found[w][k] for k in kinds), strict=True)] for w in (way, floor)
    ]
    return statistics.median(way / floor for way, floor in zip(*times, strict=True))


def _change(fetched, app, changed):
    """Bytes of blobs against what they may be."""
    [new] = [name for name in changed.blobs if name not in app.blobs]
    file = changed.blobs[new]
    deflated = len(zlib.compress(file, 9))
    most = _FILE_MOST * deflated + _FILE_MORE
    manifest = len(zlib.compress(changed.manifest, 9))
    print(f"  one file changed: {fetched:,} bytes for {len(file):,}, {deflated:,} deflated")
    print(f"  its manifest: {len(changed.manifest):,} bytes, {manifest:,} deflated")
    return "one file changed / (1.15 x + 4 kB)", fetched / most, 1.0


def _apps():
    """The example `thermostat`, and with a line more in its main.py."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "app"
        shutil.copytree(_ROOT / "examples" / "thermostat", copy)
        app = release.build(copy, 1, 1795000000)
        with (copy / "app" / "main.py").open("a") as f:
            f.write("\nCHANGED = 'a line'\n")
        return app, release.build(copy, 2, 1795000000)


def _run(folder, stack, source, target, app, changed):
    pki.ensure(folder / "pki", "mpfleet", (), dt.datetime.now(dt.UTC))
    (folder / "ca.der").write_bytes(pki.ca_der(folder / "pki"))
    room = b"\xff" * _ROOM
    (folder / "flash.bin").write_bytes(source + room[len(source) :] + room)
    ports = _serve(stack, folder / "pki" / pki.SERVER_FILE, source, target, app, changed)
    image = {
        "size": len(target),
        "sha256": hashlib.sha256(target).hexdigest(),
        "elf": target[176:192].hex(),
    }
    given = {"ports": ports, "image": image, "times": _TIMES}
    given["app"], given["changed"] = app.files, changed.files
    (folder / "bench.json").write_text(json.dumps(given))
    command = (micropython(), "-X", "heapsize=4m", _ROOT / "tests/bench/stage.py", _ROOT, folder)
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return json.loads(done.stdout)


def _serve(stack, leaf, source, target, app, changed):
    """Ports by name: the device API in each form, and streams of the bytes alone."""
    name = hashlib.sha256(target).hexdigest()
    blobs = {**app.blobs, **changed.blobs, name: target}
    forms = {
        "raw": {name: (_RAW, target)},
        "pieces": {n: _smaller(blob) for n, blob in blobs.items()},
        "patch": {name: (protocol.PATCH, patches.make(source, target))},
    }
    streams = {"image": target, "app": b"".join(app.blobs[digest] for _, _, digest in app.files)}
    servers = {form: TlsServer(leaf, _api(found, blobs)) for form, found in forms.items()}
    for what, content in streams.items():
        servers[what] = PlainServer(content)
        servers[f"tls-{what}"] = TlsServer(leaf, lambda _, peer, data=content: _stream(peer, data))
    for server in servers.values():
        stack.push(server)
    return {what: server.port for what, server in servers.items()}


def _smaller(blob):
    packed = in_pieces(blob)
    return (protocol.PIECES, packed) if len(packed) < len(blob) else (_RAW, blob)


def _stream(peer, content):
    peer.send(content)
    peer.connection.recv(1)  # until it was read


def _api(found, blobs):
    """The device API, with these forms where they are accepted, else the blobs as they are."""

    def answer(server, peer):
        while True:
            first, headers, _ = peer.request()
            name = first.split()[1].rpartition("/")[2]
            kind, data = found[name]
            if kind not in headers.get("accept", ""):
                kind, data = _RAW, blobs[name]
            head = (
                f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n"
            )
            peer.send(head.encode() + data)

    return answer
