"""A board of the real boot.py and the real update code on a littlefs whose operations are counted.

Runs in MicroPython. Fakes are what is not ours: the host, the radio, the application, NVS and the
firmware partitions. Power is cut before, in the middle of or after an operation by killing the
process.
"""

# It runs in MicroPython, in a test:
# ruff: noqa: C419, I001, S102, SIM105, UP031

import asyncio
import gc
import json
import os
import sys
import vfs
import chip as chips
from hashlib import sha256
from binascii import hexlify
from nor import BLOCKS, ERASED, Flash, Nvs

POWER_ON, HARD, WATCHDOG, DEEP_SLEEP, SOFT = range(1, 6)


class Reset(BaseException):
    """machine.reset()."""


class Machine:
    """Stand-in for `machine`: what boot.py asks of it."""

    SOFT_RESET = SOFT

    def __init__(self):
        self.cause = POWER_ON
        self.remembered = b""

    def unique_id(self):
        return b"\x24\x6f\x28\x00\x00\x01"

    def reset_cause(self):
        return self.cause

    def reset(self):
        raise Reset("machine.reset")

    def RTC(self):  # noqa: N802
        return self

    def memory(self, value=None):
        if value is None:
            return self.remembered
        self.remembered = bytes(value)
        return None

    def WDT(self, timeout):  # noqa: N802
        return self

    def Timer(self, number):  # noqa: N802
        return self

    def init(self, period, callback):
        pass


class Esp32:
    Partition = None  # mount() makes it
    NVS = Nvs


class Response:
    """An answer of the fake host."""

    def __init__(self, http, data, status, kind):
        self._http, self._data, self._at = http, data, 0
        self.status, self.kind = status, kind
        self.left = len(data)

    async def readinto(self, view):
        from device.errors import NetworkError

        n = min(len(view), self.left, self._http.chunk)
        if self._http.breaks_after is not None:
            n = min(n, self._http.breaks_after)
            self._http.breaks_after -= n
            if not n and self.left:
                self._http.breaks_after = None
                raise NetworkError("cut", self.left)
        view[:n] = self._data[self._at : self._at + n]
        self._at += n
        self.left -= n
        self._http.bytes_out += n
        return n

    async def json(self, limit):
        return json.loads(self._data)

    async def close(self):
        pass


class Host:
    """The fake host's HTTP: what it assigns, its blobs by path, and how it fails."""

    def __init__(self):
        self.answers = {}  # path → bytes or an exception
        self.assignment = None
        self.pieces = {}  # path → bytes in the form of pieces
        self.patches = {}  # (path, hash of the source) → bytes of a patch
        self.accepts = []
        self.chunk = 1460
        self.breaks_after = None  # bytes, then the connection is cut
        self.bytes_out = 0
        self.asked = []
        self.poll_s = 3600
        self.retry_active = False
        self.metadata = None  # version of timestamp.json
        self.running = lambda: -1  # number of what the board runs, by its status

    def offer(self, assignment, manifest, blobs):
        name = digest(manifest)
        self.answers["/manifests/" + name] = manifest
        for data in blobs:
            self.answers["/blobs/" + digest(data)] = data
        number = json.loads(manifest)["number"]
        self.assignment = {
            "assignment": assignment,
            "number": number,
            "manifest": name,
            "size": len(manifest),
        }

    async def get(self, path, offset=0, accept=None, progress=None):
        from device.errors import HttpError
        from device.protocol import PATCH, PIECES

        self.asked.append((path, offset))
        self.accepts.append(accept or "")
        if path == "/assignment":
            release = self.assignment
            if isinstance(release, dict) and release.get("number") == self.running():
                release = None
            answer = {"state": "claimed", "release": release, "poll_s": self.poll_s}
            answer.update(retry_active=self.retry_active, metadata=self.metadata)
            return Response(self, json.dumps(answer).encode(), 200, "application/json")
        data = self.answers.get(path)
        if isinstance(data, Exception):
            raise data
        if data is None:
            raise HttpError("http-404", 404)
        kind = "application/octet-stream"
        patch = self.patches.get((path, source_of(accept or "")))
        if patch:
            data, kind = patch, PATCH
        elif path in self.pieces and PIECES in (accept or ""):
            data, kind = self.pieces[path], PIECES
        if offset > len(data):
            raise HttpError("http-416", 416)
        return Response(self, data[offset:], 206 if offset else 200, kind)


def digest(data):
    """How a blob is called."""
    return hexlify(sha256(data).digest()).decode()


def source_of(accept):
    """Hash of the image that a patch is asked from, "" for none."""
    return accept.partition(";from=")[2][:64]


class Reports:
    """What would be delivered."""

    def __init__(self):
        self.queue = []

    def add(self, kind, **fields):
        fields["kind"] = kind
        self.queue.append(fields)


class Link:
    is_online = True

    def __init__(self):
        self.told = []

    def publish(self, name, value):
        self.told.append((name, value))

    async def pause(self):
        pass

    def resume(self):
        pass


class Application:
    """What the trial looks at."""

    def __init__(self, failure=None, health=True):
        self.failure, self.health = failure, health
        self.is_started = True

    async def is_healthy(self):
        return self.health


class Clock:
    """device.clock.Clock: seconds since 1970, 0 while it is unknown."""

    def __init__(self, time=1_780_000_000):  # in 2026
        self.time, self.floor = time, 0

    @property
    def is_set(self):
        return self.time > 0

    def now(self):
        return self.time

    def lift(self, floor):
        self.floor = floor


class Named:
    """Attributes by name."""

    def __init__(self, **values):
        for name in values:
            setattr(self, name, values[name])


class Board:
    """One board; `boot()` starts it once, `run()` lets it go on until it has nothing to do."""

    def __init__(self, host, root, machine=None):
        self.chip = Esp32.chip
        self.host = host
        self.root = root  # the project, seen from the board
        self.machine = machine or Machine()
        self.reports = Reports()
        self.lines = []
        sys.modules["machine"], sys.modules["esp32"] = self.machine, Esp32
        from device.store import Nvs as DeviceNvs

        self.nvs = DeviceNvs()
        self.config = Named(trial_s=4, contact_s=4)
        self.apps = {}  # slot or release number → Application
        self.wifi = Named(is_joined=True)
        self.look = lambda path: None  # called with what boot.py chose
        self.boots = []  # (slot, mode) of each start
        self.walks, self.rounds, self.watchdog_s = 0, 0, 90  # of power
        self.is_alone = self.wish = False
        self.is_trust_tried, self.clock, self.power = False, Clock(), self
        with open(root.boot) as f:
            self._boot_source = f.read()

    def log(self, part, *values):
        self.lines.append("%s: %s" % (part, " ".join([str(v) for v in values])))

    def choose(self):
        """Run boot.py; the slot it put on sys.path."""
        saved = list(sys.path)
        sys.modules["machine"] = self.machine
        try:
            exec(self._boot_source, {"__name__": "__main__"})
            path = [p for p in sys.path if p not in saved]
        finally:
            sys.path[:] = saved
        return path

    def build(self, path):
        """The runtime's update parts, as run.py builds them."""
        from device.store import Store
        from device.update import firmware, trial
        from device.update.app_slot import AppSlot
        from device.update.client import Client
        from device.update.record import BootRecord
        from device.update.steps import Journal
        from device.update.trial import Health, Trial

        trial._PERIOD_MS = 1
        self.store = Store()
        self.record = BootRecord("/state", path)
        self.journal = Journal(self.store)
        self.link = Link()
        log = self.log
        log_object = LogObject(log, self.lines)
        self.identity = self.identify()
        self.trial = Trial(
            self.record,
            self.journal,
            firmware,
            Health(self.config, log_object),
            self.reports,
            self,
            self.nvs,
            self.store,
            self.config,
            log_object,
        )
        self.client = Client(
            self.host,
            self.record,
            self.journal,
            AppSlot,
            firmware,
            lambda: self.trial,
            self.reports,
            self.identity,
            self,
            self.nvs,
            self.link,
            lambda names: None,
            log_object,
        )

    def identify(self):
        """Who it is."""
        return Named(product="blink", model="ESP32_GENERIC", abi=6)

    async def restart(self, why):
        """power.restart()."""
        self.machine.remembered = b"MPFR\1"
        raise Reset(why)

    def remember(self, walks=0, rounds=None):
        """power.remember()."""
        self.walks = walks
        self.rounds = self.rounds if rounds is None else rounds

    def free_heap(self):
        return gc.mem_free()

    def is_starved(self):
        return False

    @property
    def may_retreat(self):
        return not self.is_alone and self.rounds < 3

    async def retreat(self, why):
        """power.retreat()."""
        if self.rounds < 3:
            self.rounds += 1
            self.wish = True
            await self.restart("update mode: " + why)

    async def renew(self):
        """power.renew()."""
        self.wish = True
        await self.restart("update mode: a heap that is whole")

    async def live(self):
        """What run.py does of an update, once."""
        self.client.resume_commit()
        if self.record.mode == "trial":
            if self.wifi.is_joined:
                await self._check()
            number = number_of(self.record.slot)
            app = self.apps.get(number) or Application()
            await self.client.trial(app, self.wifi)
        if self.wifi.is_joined:
            await self._check()

    async def ask(self):
        """What a talk does where nobody doubts what the host says."""
        answer = await self.host.get("/assignment")
        await self.client.check(await answer.json(2048))

    async def _check(self):
        """What a talk does; approvers want every release, unless that is tried, too."""
        if not self.is_trust_tried:
            return await self.ask()
        from device.conversation import Conversation, Trust
        from device.errors import Untrusted

        trust = Trust(self, self.host)
        parts = self.host, None, None, self.record, lambda: self.client, trust, None
        try:
            await Conversation(*parts)._check()
        except Untrusted as e:
            self.log("host", e.detail())

    def boot(self):
        """One start, until a reset or until nothing is left to do; why it reset, or None."""
        self.is_alone, self.wish = self.wish, False
        try:
            if self.machine.cause != SOFT:
                self.chip.start()
            if self.chip.behaviour == "panic":
                self.boots.append(("-", "panic"))
                self.machine.cause = HARD
                return "panic"
            path = self.choose()
            self.look(path)
            if self.chip.behaviour == "hang":
                self.machine.cause = WATCHDOG
                return "watchdog"
            self.wifi.is_joined = self.chip.behaviour != "no-wifi"
            self.build(path)
            self.boots.append((self.record.slot, self.record.mode))
            asyncio.run(self.live())
        except Reset as e:
            self.machine.cause = HARD
            return e.args[0]
        finally:
            asyncio.new_event_loop()
        return None

    def run(self, limit=12):
        """Start after start; the number of starts it took, `limit` if it never came to rest."""
        for n in range(limit):
            if self.boot() is None:
                return n + 1
        return limit


class LogObject:
    """The log: a function with lines."""

    def __init__(self, log, lines):
        self._log, self.lines = log, lines

    def __call__(self, *values):
        self._log(*values)


def number_of(slot):
    """Number of the release in a slot, 0 for none."""
    try:
        with open("/slots/%s/release.json" % slot) as f:
            return json.load(f)["number"]
    except OSError:
        return 0


def is_whole(slot):
    """Whether every file of a slot is what its release.json says, with nothing beside them."""
    from device.update.app_slot import walk

    try:
        with open("/slots/%s/release.json" % slot) as f:
            files = json.load(f)["parts"]["app"]["files"]
    except (OSError, ValueError):
        return False
    left = {"/slots/%s/release.json" % slot}
    for path, size, name in files:
        path = "/slots/%s/%s" % (slot, path)
        left.add(path)
        try:
            with open(path, "rb") as f:
                data = f.read()
        except OSError:
            return False
        if digest(data) != name or len(data) != size:
            return False
    return all([is_folder or p in left for p, is_folder in walk("/slots/" + slot)])


def files_of(given, number):
    """Files of a release that the scenario was given, by path."""
    files = given["releases"][str(number)]["files"]
    return {path: bytes.fromhex(data) for path, data in files.items()}


def tell_next(slot):
    """What runs after the update that comes after the cuts, and what lies about."""
    return {
        "next": number_of(slot),
        "is_next_whole": is_whole(slot),
        "leftovers": leftovers(),
    }


def make_release(number, files, image=None, **changes):
    """(manifest bytes, blobs) of a release with these {path: bytes}, and a firmware image."""
    listed = []
    for path in sorted(files):
        data = files[path]
        listed.append([path, len(data), digest(data)])
    manifest = {
        "format": 1,
        "product": "blink",
        "number": number,
        "version": "1.%d" % number,
        "boards": ["ESP32_GENERIC"],
        "abi": 6,
        "firmwares": [],
        "parts": {"app": {"files": listed}},
    }
    blobs = list(files.values())
    if image:
        elf = hexlify(image[176:192]).decode()
        said = {"size": len(image), "sha256": digest(image), "elf": elf}
        manifest["parts"]["firmware"] = {"ESP32_GENERIC": said}
        blobs.append(image)
    manifest.update(changes)
    return json.dumps(manifest).encode(), blobs


def make_folders(path):
    at = path.find("/", 1)
    while at > 0:
        try:
            os.mkdir(path[:at])
        except OSError:
            pass
        at = path.find("/", at + 1)


def put(path, data):
    """Write a file, with its folders."""
    make_folders(path)
    with open(path, "wb") as f:
        f.write(data)


def put_release(slot, number, files):
    """A release in a slot."""
    manifest, _ = make_release(number, files)
    for path in files:
        put("/slots/%s/%s" % (slot, path), files[path])
    put("/slots/%s/release.json" % slot, manifest)


def install(slot, number, files):
    """What deploy leaves: a release in a slot, and the record that says so."""
    from device.update.record import BootRecord

    put_release(slot, number, files)
    put("/state/x", b"")
    os.remove("/state/x")
    sys.modules["esp32"] = Esp32
    Esp32.chip.start()
    from device.update.firmware import running

    BootRecord("/state", []).change(active=slot, firmware=running(), watchdog_s=90)


class Root:
    """Where things lie outside of the board: the project is mounted read-only at /host."""

    def __init__(self, project, work):
        self.boot = project + "/boot.py"
        self.host = work + "/host.json"  # what a host knows


def mount(project, work, fresh=False):
    """Put the board's littlefs at /, the computer's files at /host; returns (flash, Root)."""
    path = work + "/flash.bin"
    if fresh:
        with open(path, "wb") as f:
            for _ in range(BLOCKS + 2 + 2 * chips.SLOT_BLOCKS):
                f.write(ERASED)
        with open(work + "/nvs.json", "w") as f:
            f.write("{}")
    sys.path[:] = [("/host" + p if p.startswith("/") else p) for p in sys.path if p != ""]
    flash = Nvs.flash = Flash(path, BLOCKS)
    Nvs.path = "/host" + work + "/nvs.json"
    Esp32.chip = chips.Chip(flash, BLOCKS, project + "/simulator")
    Esp32.Partition = chips.partitions(Esp32.chip)
    if fresh:
        vfs.VfsLfs2.mkfs(flash)
        Esp32.chip.flash_image(0, chips.make_image(b"old"))
        flash.operations = 0
    vfs.umount("/")
    vfs.mount(vfs.VfsLfs2(flash), "/")
    vfs.mount(vfs.VfsPosix("/"), "/host")
    gc.collect()
    return flash, Root("/host" + project, "/host" + work)


def leftovers():
    """Names in /state that no part of the runtime reads."""
    known = ("boot0", "boot1", "journal", "traceback", "trial.log")
    return [name for name in os.listdir("/state") if name not in known and name[-5:] != ".json"]


def garbage():
    """Names of the JSON files in /state that do not parse."""
    found = []
    for name in os.listdir("/state") if "state" in os.listdir("/") else ():
        if name == "journal" or name[-5:] == ".json":
            with open("/state/" + name) as f:
                text = f.read()
            try:
                json.loads(text)
            except ValueError:
                found.append(name)
    return found
