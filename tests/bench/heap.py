"""Heap of the runtime at each stage of its life, loaded from .mpy as on a board.

Usage: python -m tests.bench.heap [MICROPYTHON]; a 32-bit unix build gives a chip's figures.
TLS and WiFi take theirs elsewhere and are not counted.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from host.builder import release

_FAKES = Path(__file__).parents[1] / "unit/device/fakes"
_SCRIPT = """
import asyncio, gc, json, os, struct, sys, time
import machine, esp32, network
try:
    import ssl
except ImportError:  # a build without it: what the module takes is the firmware's on a board
    class Ssl:
        PROTOCOL_TLS_CLIENT = CERT_REQUIRED = 0
    sys.modules["ssl"] = Ssl()
gc.collect()
bare = gc.mem_alloc()
def say(stage):
    gc.collect()
    print("{:34} {:>7}".format(stage, gc.mem_alloc() - bare))
from device.run import Runtime
host = {"addresses": ["127.0.0.1"], "port": 1, "mqtt_port": 2, "name": "mpfleet"}
runtime = Runtime(host, bytes(400))
say("idle")
talk = runtime.talks.open()
say("in a talk with the host")
client = talk.client()
from device.update import parts, plan
from device.update.download import Download
download = Download(talk.http, client._tell)
say("updating an app")
from device.update import patch
say("updating firmware by a patch")
"""


def main(interpreter):
    """Print a line for each stage."""
    with tempfile.TemporaryDirectory() as folder:
        for path, content in release.golden().items():
            place = Path(folder, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        start = f"import sys\nsys.path[:0] = [{str(_FAKES)!r}, {folder!r}]\n"
        command = [interpreter, "-X", "heapsize=400k", "-c", start + _SCRIPT]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    beside = Path(sys.executable).with_name("micropython")
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else str(beside)))
