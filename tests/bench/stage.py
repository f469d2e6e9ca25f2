"""Times staging and sealing as device/ does them, against loops that do nothing else; JSON.

stage.py PROJECT WORK, in MicroPython; WORK/bench.json says where the servers are and what to take.
The flash is a file behind esp32.Partition, the file system the computer's: both sides write to it.
"""

# It runs in MicroPython, in a bench:
# ruff: noqa: E402, SIM105, SIM115, UP031

import asyncio
import gc
import json
import os
import select
import socket
import ssl
import sys
import time
from binascii import hexlify
from hashlib import sha256

project, work = sys.argv[1:3]
sys.path[:0] = [project + "/tests/unit/device/fakes", project]

import esp32

_ROOM = 0x180000
_BLOCK = 4096
with open(work + "/bench.json") as f:
    given = json.loads(f.read())
with open(work + "/ca.der", "rb") as f:
    ca = f.read()
slots = work + "/slots"
view = memoryview(bytearray(_BLOCK))


class Partition:
    """Two slots of one file; which of them is asked for is all there is to it."""

    RUNNING, TYPE_APP, TYPE_DATA = 1, 0, 1

    def __init__(self, which):
        self._label = "ota_0" if which == Partition.RUNNING else which
        self._at = _ROOM * int(self._label[-1])
        self._file = flash

    def info(self):
        return (0, 16, 0x10000 + self._at, _ROOM, self._label, False)

    @staticmethod
    def find(kind, subtype):
        return [Partition("ota_1")]  # what is wanted is otadata: that there is one

    def get_next_update(self):
        return Partition("ota_1")

    def readblocks(self, block, buffer, offset=0):
        self._file.seek(self._at + block * _BLOCK + offset)
        self._file.readinto(buffer)

    def writeblocks(self, block, buffer):
        self._file.seek(self._at + block * _BLOCK)
        self._file.write(buffer)


flash = open(work + "/flash.bin", "r+b")
esp32.Partition = Partition

from device.connection import Host
from device.http import Http
from device.update.app_slot import AppSlot
from device.update.download import Download
from device.update.firmware import Files
from device.update.firmware_slot import FirmwareSlot


class Calm:
    """Clock, log and power: nothing happens here that they are for."""

    def free_heap(self):
        return 100000

    def hear(self, heard):
        pass

    def __call__(self, *values):
        pass

    def __enter__(self):
        pass

    def __exit__(self, *_):
        pass


class Peak:
    """Highest heap that a download's progress came by; costs nothing unless it is wanted."""

    def __init__(self):
        self.is_wanted = False
        self.top = 0

    def __call__(self, done, total):
        if self.is_wanted:
            gc.collect()
            self.top = max(self.top, gc.mem_alloc())
        return "stage;%d;%d" % (done, total)


class AskingHttp(Http):
    """Http that knows how long it took to connect, shake hands and ask."""

    async def get(self, *args):
        global apart_us
        start = time.ticks_us()
        try:
            return await super().get(*args)
        finally:
            apart_us += time.ticks_diff(time.ticks_us(), start)


peak = Peak()
last = None
apart_us = 0


def begin(form):
    """A Download from the server of this form, and the http to close after it."""
    settings = {"addresses": ["127.0.0.1"], "port": given["ports"][form]}
    http = AskingHttp(Host(settings, [ca], Calm()), Calm(), Calm(), "Bearer bench")
    return Download(http, peak, {"fetched": 0, "copied": 0, "resumed": 0}, Calm()), http


def firmware():
    try:
        os.remove(work + "/firmware.part")
    except OSError:
        pass
    return FirmwareSlot(given["image"], work)


def stage_image(form):
    def way():
        global last
        target = Partition("ota_1")
        for i in range(_BLOCK):
            view[i] = 0xFF
        target.writeblocks(0, view)  # nothing of it is there
        slot = firmware()
        last, http = begin(form)
        asyncio.run(slot.stage(last))
        http.close()

    return way


def seal_image():
    download, _ = begin("raw")
    asyncio.run(FirmwareSlot(given["image"], work).seal(download))


def connect(name):
    """A blocking stream whose handshake is done and whose first bytes are there."""
    global apart_us
    start = time.ticks_us()
    sock, stream = open_stream(name)
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    poller.poll()
    apart_us += time.ticks_diff(time.ticks_us(), start)
    return stream


def open_stream(name):
    sock = socket.socket()
    sock.connect(socket.getaddrinfo("127.0.0.1", given["ports"][name])[0][-1])
    if not name.startswith("tls"):
        return sock, sock
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=ca)
    return sock, context.wrap_socket(sock, server_hostname="mpfleet")


def read_image(name):
    """The floor: read the socket, hash, write the flash."""

    def way():
        size, digest, target = given["image"]["size"], sha256(), Partition("ota_1")
        stream = connect(name)
        for at in range(0, size, _BLOCK):
            part = view if size - at >= _BLOCK else view[: size - at]
            stream.readinto(part)
            digest.update(part)
            target.writeblocks(at // _BLOCK, part)
        stream.close()
        assert hexlify(digest.digest()).decode() == given["image"]["sha256"]

    return way


def hash_image():
    """The floor of sealing: read the flash and hash."""
    size, digest, target = given["image"]["size"], sha256(), Partition("ota_1")
    for at in range(0, size, _BLOCK):
        part = view if size - at >= _BLOCK else view[: size - at]
        target.readblocks(at // _BLOCK, part)
        digest.update(part)
    assert hexlify(digest.digest()).decode() == given["image"]["sha256"]


def remove(folder):
    for entry in list(os.ilistdir(folder)):
        path = folder + "/" + entry[0]
        if entry[1] == 0x4000:
            remove(path)
        else:
            os.remove(path)
    os.rmdir(folder)


def app_slot(letter, release):
    slot = AppSlot(letter, slots)
    try:
        remove(slot.folder)
    except OSError:
        pass
    slot.make()
    with open(slot.coming, "w") as f:
        f.write(json.dumps({"parts": {"app": {"files": given[release]}}}))
    return slot


def stage_app():
    """The example app, of which nothing is there."""
    global last
    slot = app_slot("a", "app")
    last, http = begin("pieces")
    asyncio.run(slot.stage(Files(given["app"]), AppSlot("b", slots), Files(()), last, 6))
    http.close()


def stage_change():
    """The example app with one file changed, beside the one that stage_app left."""
    global last
    slot = app_slot("b", "changed")
    active, old = AppSlot("a", slots), Files(given["app"])
    last, http = begin("pieces")
    asyncio.run(slot.stage(Files(given["changed"]), active, old, last, 6))
    http.close()


def read_app(name):
    """The floor: one stream of all files, one after the other."""

    def way():
        slot = app_slot("a", "app")
        stream = connect(name)
        for path, size, digest in given["app"]:
            slot._make_folders(path)
            found = sha256()
            with open(slot.folder + "/" + path, "wb") as f:
                while size:
                    part = view if size >= _BLOCK else view[:size]
                    stream.readinto(part)
                    found.update(part)
                    f.write(part)
                    size -= len(part)
            assert hexlify(found.digest()).decode() == digest
        stream.close()

    return way


WAYS = (
    ("image: floor", read_image("image")),
    ("image: floor, TLS", read_image("tls-image")),
    ("image: raw", stage_image("raw")),
    ("image: sealing", seal_image),
    ("image: read and hash", hash_image),
    ("image: in pieces", stage_image("pieces")),
    ("image: patch", stage_image("patch")),
    ("app: floor", read_app("app")),
    ("app: floor, TLS", read_app("tls-app")),
    ("app: staging", stage_app),
    ("app: one file changed", stage_change),
)


def run(way):
    """Milliseconds of the bodies, those before them, and the bytes fetched."""
    global last, apart_us
    gc.collect()
    last, apart_us = None, 0
    start = time.ticks_us()
    way()
    took = time.ticks_diff(time.ticks_us(), start) - apart_us
    return took / 1000, apart_us / 1000, last.fetched if last else 0


found = {name: {"ms": [], "before": []} for name, _ in WAYS}
for _ in range(given["times"]):  # in turn: what else the computer does hurts all alike
    for name, way in WAYS:
        took, before, fetched = run(way)
        found[name]["ms"].append(took)
        found[name]["before"].append(before)
        found[name]["fetched"] = fetched
peak.is_wanted = True
for name, way in WAYS:
    gc.collect()
    before, peak.top = gc.mem_alloc(), 0
    way()
    found[name]["heap"] = max(0, peak.top - before)
print(json.dumps(found))
