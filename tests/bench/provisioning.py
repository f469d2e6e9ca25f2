"""Heap that provisioning keeps: its own modules, aioble, and an attempt that ends well.

`python -m tests.bench.provisioning MICROPYTHON AIOBLE`: an interpreter, best of 32 bits, and the
folder of upstream's aioble (`make libs`: lib/aioble).
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from host.builder import release

ROOT = Path(__file__).parents[2]
HEAP = "160k"

SCRIPT = """
import sys
sys.path[:0] = [{work!r}, {fakes!r}]
import asyncio, gc, json, esp32, machine, network, micropython, time, os, struct, select
class UUID(bytes):
    def __init__(self, text): super().__init__(bytes(16))
class BLE:
    def active(self, on=None): return True
    def irq(self, handler): pass
    def config(self, *a, **k): pass
    def gap_advertise(self, *a, **k): pass
    def gatts_register_services(self, rows):
        n = [0]
        def take():
            n[0] += 1
            return n[0]
        return [[take() for _ in row[1]] for row in rows]
    def gatts_write(self, *a): pass
    def gatts_set_buffer(self, *a): pass
class Bluetooth:
    UUID, BLE = UUID, BLE
sys.modules["bluetooth"] = Bluetooth
import asyncio.core, asyncio.funcs, asyncio.event, asyncio.stream
def used():
    gc.collect()
    return gc.mem_alloc()
network.air["home"] = {{"password": "secret12", "rssi": -50}}
before = used()
from device.log import Log
from device.provisioning import mode as module
from device.store import Nvs, Store
nvs = Nvs()
nvs.set_blob("host", b'{{"addresses": ["10.0.0.1"], "port": 8443}}')
mode = module.build(2, Store({work!r} + "/state"), nvs, Log())
from device.provisioning.serial import Serial
serial = Serial(mode._commands.hear)
ours = used()
async def main():
    mode._load_radio()
    mode._commands.lines = [serial] + list(mode._radio.lines)
    with_radio = used()
    await mode._commands.hear(mode._commands.lines[1], 1, b"\\4home\\x08secret12")
    mode._session.admit(module.now_s())
    await mode._commands.hear(mode._commands.lines[1], 1, b"\\4home\\x08secret12")
    await asyncio.sleep_ms(400)
    assert mode._session.url
    print("kept", ours - before, with_radio - before, used() - before)
asyncio.run(main())
"""


def measure(interpreter, aioble):
    """Bytes kept: ours, with Bluetooth, after a success."""
    with tempfile.TemporaryDirectory() as work:
        files = dict(release.golden())
        sources = {f"aioble/{p.name}": p for p in sorted(Path(aioble).glob("*.py"))}
        files |= release.compiled(sources.items())
        for path, content in files.items():
            place = Path(work) / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        script = SCRIPT.format(work=work, fakes=str(ROOT / "tests/unit/device/fakes"))
        ran = subprocess.run(
            [interpreter, "-X", f"heapsize={HEAP}", "-c", script],
            capture_output=True, text=True, errors="replace", timeout=60, check=False,
        )  # fmt: skip
        said = next((line for line in ran.stdout.splitlines() if line[:4] == "kept"), None)
        if said is None:
            sys.exit(ran.stdout + ran.stderr)
        return [int(word) for word in said.split()[1:]]


def main():
    """Print the figures."""
    ours, with_radio, after = measure(*sys.argv[1:])
    print(f"provisioning and what it needs of the runtime: {ours / 1000:.1f} kB")
    print(f"with aioble, two services and their lines: {with_radio / 1000:.1f} kB")
    print(f"after an attempt that ended well: {after / 1000:.1f} kB")


if __name__ == "__main__":
    main()
