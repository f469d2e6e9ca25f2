"""One update by the real runtime, and the heap alive at each write of flash and network read.

Runs in MicroPython: ROOT WORK MODE. `tests/bench/heap.py` lays out WORK and starts it.
"""

# It runs in MicroPython:
# ruff: noqa: C408, E402, SIM105, SIM115, F401

import asyncio
import gc
import os
import sys
from binascii import hexlify
from hashlib import sha256

project, work, mode = sys.argv[1:]
sys.path[:0] = [project + "/tests/powercut", project + "/tests/unit/device/fakes"]
import esp32
import machine
import rig

try:
    import ssl
except ImportError:  # a build without it: what the module takes is the firmware's on a board

    class Ssl:
        PROTOCOL_TLS_CLIENT = CERT_REQUIRED = 0

    sys.modules["ssl"] = Ssl()


class Response(rig.Response):
    """An answer that stays on the computer until it is read."""

    def __init__(self, answer, name):
        super().__init__(answer._http, b"", answer.status, answer.kind)
        self._file = open("/host" + work + "/" + name, "rb")
        self.left = self._file.seek(0, 2)
        self._file.seek(0)

    async def readinto(self, view):
        n = self._file.readinto(view[: min(len(view), self.left, self._http.chunk)])
        self.left -= n
        return n


class Host(rig.Host):
    """The fake host, with what a whole talk asks."""

    async def get(self, path, offset=0, accept=None, progress=None):
        answer = await super().get(path, offset, accept, progress)
        self.asked.clear()  # what the fake remembers is no heap of the board's
        self.accepts.clear()
        if isinstance(answer._data, Named):
            assert not offset
            answer = Response(answer, answer._data.name)
        return answer

    async def post(self, path, value, authorized=True):
        return rig.Response(self, b"{}", 200, "application/json")

    def close(self):
        pass


class Named:
    """Content of a file of the computer, by its name."""

    def __init__(self, name):
        self.name = name

    def __len__(self):
        return os.stat("/host" + work + "/" + self.name)[6]

    def __getitem__(self, _):
        return self


class Files:
    """What the host has, by path."""

    def __init__(self, folder, ending=""):
        self._folder, self._ending = folder, ending

    def get(self, path):
        found = Named(self._folder + path[path.rfind("/") :] + self._ending)
        try:
            return len(found) and found
        except OSError:
            return None

    def __contains__(self, path):
        return self.get(path) is not None

    __getitem__ = get


class Patches(Files):
    """The patches, all of them from what runs."""

    def get(self, key):
        return super().get(key[0])


class Meter:
    """The most that was alive in each step, above what was when it began."""

    def __init__(self, base):
        self.base = base
        self.peaks = {}
        self.step = lambda: "load"

    def read(self):
        gc.collect()
        used = gc.mem_alloc() - self.base
        step = self.step()
        self.peaks[step] = max(self.peaks.get(step, 0), used)


def content(name):
    with open("/host" + work + "/" + name, "rb") as f:
        return f.read()


def put(path, data):
    with open(path, "wb") as f:
        f.write(data)


def watch(meter):
    """Read the meter at each flash operation and each read of the network."""
    operate, readinto = rig.Flash.operate, Response.readinto

    def metered(self, *acts):
        operate(self, *acts)
        meter.read()

    async def metered_read(self, view):
        meter.read()
        return await readinto(self, view)

    rig.Flash.operate, Response.readinto = metered, metered_read


def prepare():
    """A board on release 4 that the host knows; returns the host, which assigns release 5."""
    esp32.Partition = rig.Esp32.Partition
    esp32.NVS.committed["rollback"] = 1
    rig.Esp32.chip.flash_image(0, content("source"))
    rig.Esp32.chip.start()
    for folder in ("/state", "/slots", "/slots/a", "/device", "/device/update"):
        os.mkdir(folder)
    for folder in ("/device", "/device/update"):
        for name in os.listdir("/host" + work + folder):
            if name.endswith(".mpy"):
                put(folder + "/" + name, content(folder[1:] + "/" + name))
    sys.path[:0] = ["/"]
    put("/slots/a/release.json", content("old.json"))
    put("/state/registration.json", b'{"state": "claimed"}')
    put("/state/root.json", content("root.json"))
    put("/state/config.json", b'{"product": "blink", "model": "ESP32_GENERIC"}')
    manifest = content(mode + "/manifest")
    digest = hexlify(sha256(manifest).digest()).decode()
    made = Host()
    made.assignment = dict(assignment=9, number=5, manifest=digest, size=len(manifest))
    made.answers = Files(mode)
    made.pieces, made.patches = Files(mode, ".pieces"), Patches(mode, ".patch")
    return made


rig.mount(project, work, fresh=True)
host = prepare()
from device.run import Runtime

runtime = Runtime({"addresses": ["127.0.0.1"], "name": "mpfleet"}, [bytes(400)])
for i in range(600):  # so that the table of names has room, and does not grow meanwhile
    setattr(Named, f"name{i}", None)
    delattr(Named, f"name{i}")
gc.collect()
meter = Meter(gc.mem_alloc())
import device.conversation
import device.http

device.conversation.Http = lambda *_: host
talk = runtime.talks.open()
meter.read()
runtime.clock.is_set = True


def step():
    """Where the update is; while it is asked whether approvers want it, nothing else is loaded."""
    if "device.update.trust" in sys.modules:
        return "check"
    return talk._client._journal["step"] if talk._client else "talk"


meter.step = step
watch(meter)
try:
    asyncio.run(talk.run(lambda: None))
except machine.Ended:
    pass
for step in meter.peaks:
    print("=" + step, meter.peaks[step])
