"""Heap of the runtime at each stage of its life, loaded from .mpy as on a board.

Usage: python -m tests.bench.heap [MICROPYTHON]; a 32-bit unix build gives a chip's figures.

The updates are real ones of the example app and the whole runtime, from a fake host, onto a
littlefs; counted is what is alive. TLS and WiFi take theirs elsewhere and are not counted; nor, in
an update, is the table of names (qstr), which grows by 4.5 kB where they are more than 630.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from host import patches, storage
from host.builder import release
from simulator import build_image, micropython
from tests.approvals import Approvals
from tests.patching import code

_ROOT = Path(__file__).parents[2]
_BOARD = _ROOT / "tests/bench/heap_board.py"
_APP = _ROOT / "examples/blink"
_FAKES = _ROOT / "tests/unit/device/fakes"
_IDLE = """
import asyncio, gc, json, micropython, os, select, socket, struct, sys, time
import machine, esp32, network
asyncio.Event()
gc.collect()
bare = gc.mem_alloc()
from device.run import Runtime
runtime = Runtime({"addresses": ["127.0.0.1"], "name": "mpfleet"}, [bytes(400)])
from device.checkin import drop
drop()  # as after the first talk
gc.collect()
print("=idle", gc.mem_alloc() - bare)
micropython.qstr_info()
"""
_MODES = {"app": "updating an app", "firmware": "updating app and firmware"}


def main(interpreter):
    """Print a line for each stage."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        prepare(work)
        path = f"import sys\nsys.path[:0] = [{str(_FAKES)!r}, {folder!r}]\n"
        print(f"{'idle':38} {measure(interpreter, '-c', path + _IDLE)['idle']:>7}")
        for mode, name in _MODES.items():
            found = measure(interpreter, _BOARD, _ROOT, work, mode)
            talk = found.pop("load")
            if mode == "app":
                print(f"{'in a talk with the host':38} {talk:>7} above idle")
            print(f"{name:38} {max(found.values()):>7} above idle:", found)


def measure(interpreter, *script):
    """Bytes by stage."""
    command = [interpreter, "-X", "heapsize=600k", *script]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    lines = [line[1:].split() for line in done.stdout.splitlines() if line.startswith("=")]
    if done.returncode or not lines:
        sys.exit(done.stdout + done.stderr)
    return {stage: int(n) for stage, n in lines}


def prepare(work):
    """The runtime, two releases, and an image with its patch."""
    for path, content in release.golden().items():
        _put(work / path, content)
    source = build_image("v1.25.0", payload=code(6, 60_000))
    target = build_image("v1.26.0", payload=code(6, 30_000) + code(7, 4000) + code(6, 28_000))
    _put(work / "source", source)
    _put(work / "target", target)
    _put(work / "old.json", release.build(_APP, 4, 0).manifest)
    for mode, images in (("app", ()), ("firmware", (str(work / "target"),))):
        made = release.build(_APP, 5, 0, images=images)
        approvals = Approvals(made)
        for name, content in approvals.repository.files().items():
            _put(work / mode / name, content)
        _put(work / "root.json", approvals.root)
        _put(work / mode / "manifest", made.manifest)
        _put(work / mode / release.digest(made.manifest), made.manifest)
        for digest, blob in made.blobs.items():
            _put(work / mode / digest, blob)
            pieces = storage.in_pieces(blob)
            if len(pieces) < len(blob):
                _put(work / mode / f"{digest}.pieces", pieces)
    _put(work / f"firmware/{release.digest(target)}.patch", patches.make(source, target))


def _put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else str(micropython())))
