"""A board as its state alone: what is in flash, and which write the power fails at.

boot.py, the boot record, journal, steps, client and trial are the real ones, the bootloader is the
simulator's; only what a slot holds is a number here instead of files, and an image its name.
"""

import gc
import io
import json
import sys
import time
import types
from pathlib import Path

from simulator import bootloader
from simulator.otadata import ABORTED, Entry

SOURCE = Path(__file__).parents[2] / "boot.py"
POWER_ON, HARD, WATCHDOG = 1, 2, 3
LABELS = ("ota_0", "ota_1")
LIVES_MAX = 80  # more starts than that without coming to rest is for ever
PATCHES = {
    "micropython": types.SimpleNamespace(const=lambda x: x, kbd_intr=lambda code: None)
}


class PowerCut(BaseException):
    """The power went."""


class Reset(BaseException):
    """The chip starts again; the cause is its argument."""


class World:
    """What outlives a reset, and the counter that decides when the power fails."""

    def __init__(self):
        self.files = {}
        self.entries = [None, None]
        self.images = ["old", None]  # None: half written
        self.behaviours = {"old": ""}
        self.slots = {"a": 4, "b": None}  # None: half staged, or nothing
        self.numbers = {"number": 4, "rollback": 1}  # NVS
        self.memory = b""
        self.cause = POWER_ON
        self.running = 0
        self.cut_at, self.cut_how = 0, ""
        self.writes = 0

    def write(self, do, torn=lambda: None):
        """One write to flash; `torn` is what half of it leaves."""
        self.writes += 1
        if self.writes != self.cut_at:
            do()
            return
        {"before": lambda: None, "middle": torn, "after": do}[self.cut_how]()
        raise PowerCut

    def open(self, name, mode="r"):
        """Files of /state; what is written is there, or half of it, at the close."""
        if "w" not in mode:
            if name not in self.files:
                raise OSError(2)
            return io.BytesIO(self.files[name])
        world = self

        class File(io.BytesIO):
            def __exit__(self, kind, *_):
                data = self.getvalue()
                if kind is None:
                    half = data[: len(data) // 2]
                    world.write(
                        lambda: world.files.__setitem__(name, data),
                        lambda: world.files.__setitem__(name, half),
                    )

        return File()

    def write_entry(self, n, entry):
        """otadata: an erase, then a write."""
        self.write(lambda: self._set_entry(n, None), lambda: self._set_entry(n, None))
        self.write(lambda: self._set_entry(n, entry), lambda: self._set_entry(n, None))

    def _set_entry(self, n, entry):
        self.entries[n] = entry

    def start_bootloader(self):
        """What a reset does before boot.py; the behaviour of the image that runs."""
        choice = bootloader.choose(self.entries, [image is not None for image in self.images])
        for n in (0, 1):
            if choice.entries[n] != self.entries[n]:
                self.write_entry(n, choice.entries[n])
        assert choice.slot is not None, "nothing boots"
        self.running = choice.slot
        return self.behaviours[self.images[choice.slot]]

    def abort_both(self):
        """A state no one wants to meet."""
        self.entries = [Entry(1, ABORTED), Entry(2, ABORTED)]


def partitions(world):  # noqa: C901 - a class of small methods
    """esp32.Partition over a world."""

    class Partition:
        RUNNING, TYPE_APP, TYPE_DATA = "running", 0, 1

        def __init__(self, which):
            self.slot = world.running if which == "running" else which

        def get_next_update(self):
            return Partition(1 - world.running)

        def info(self):
            return (0, 16 + self.slot, self.slot << 20, 1 << 20, LABELS[self.slot], False)

        def readblocks(self, block, buffer, offset=0):
            name = world.images[self.slot] or "half"
            buffer[:] = name.encode().ljust(len(buffer), b"\0")[: len(buffer)]

        def ioctl(self, op, block):
            assert (op, block) == (6, 0)
            world.write(
                lambda: world.images.__setitem__(self.slot, None),
                lambda: world.images.__setitem__(self.slot, None),
            )

        @classmethod
        def find(cls, kind, subtype=255):
            return [cls(0), cls(1)]

        def set_boot(self):
            if world.images[self.slot] is None:
                raise OSError(-5379, "ESP_ERR_OTA_VALIDATE_FAILED")
            world.write_entry(*bootloader.select(world.entries, self.slot, 2))

        @classmethod
        def mark_app_valid_cancel_rollback(cls):
            try:
                change = bootloader.confirm(world.entries)
            except LookupError:
                raise OSError(-1, "ESP_FAIL") from None
            if change:
                world.write_entry(*change)

    return Partition


def load_boot(world):
    """boot.py on this world."""
    module = types.ModuleType("boot")
    rtc = types.SimpleNamespace(memory=lambda value=None: _memory(world, value))
    machine = types.ModuleType("machine")
    machine.RTC = lambda: rtc
    machine.reset_cause = lambda: world.cause
    machine.reset = lambda: _raise(Reset(HARD))
    machine.WDT = lambda timeout: types.SimpleNamespace(feed=lambda: None)
    machine.Timer = lambda number: types.SimpleNamespace(init=lambda **_: None)
    sys.modules["machine"] = machine
    sys.modules["esp32"] = types.SimpleNamespace(Partition=partitions(world))
    exec(compile(SOURCE.read_text(), str(SOURCE), "exec"), module.__dict__)  # noqa: S102
    module.open = world.open
    module.os = types.SimpleNamespace(stat=lambda path: (1,))  # half a slot has folders, too
    return module


def _memory(world, value):
    if value is not None:
        world.memory = bytes(value)
    return world.memory


def _raise(error):
    raise error


class Store:
    """device.store.Store over a world: a name is replaced as a whole."""

    def __init__(self, world):
        self._world = world

    def read(self, name):
        return self._world.files.get(name)

    def write(self, name, data):
        self._world.write(lambda: self._world.files.__setitem__(name, data))

    def remove(self, name):
        if name in self._world.files:
            self._world.write(lambda: self._world.files.pop(name))

    def load(self, name, default):
        data = self._world.files.get(name)
        return json.loads(data) if data else default

    def trusted_versions(self):
        return {}

    def save(self, name, value):
        self.write(name, json.dumps(value).encode())


class Nvs:
    """device.store.Nvs over a world."""

    def __init__(self, world):
        self._world = world

    def number(self, key, default=0):
        return self._world.numbers.get(key, default)

    def set_number(self, key, n):
        assert n >= self._world.numbers.get(key, 0), "the highest number went down"
        self._world.write(lambda: self._world.numbers.__setitem__(key, n))


class Slot:
    """device.update.app_slot.AppSlot whose content is a release's number."""

    def __init__(self, world, letter, number, on_staged):
        self._world, self.letter, self._number = world, letter, number
        self._on_staged = on_staged
        self.folder = "/slots/" + letter

    @property
    def is_sealed(self):
        return self._world.slots.get(self.letter) is not None

    async def fetch_manifest(self, *_):
        return self.manifest()

    def manifest(self):
        return self.folder + "/release.json"

    def manifests(self):
        return ()

    def check_room(self, *_):
        pass

    def discard(self):
        pass

    def unseal(self):
        self._fill(None)

    async def stage(self, *_):
        self._fill(None)
        self._fill(self._number)
        self._on_staged()

    async def seal(self, *_):
        assert self._world.slots[self.letter] == self._number

    def _fill(self, content):
        def do():
            self._world.slots[self.letter] = content

        self._world.write(do)


class FirmwareSlot:
    """device.update.firmware_slot.FirmwareSlot whose image is a name."""

    def __init__(self, world, name):
        self._world, self._name = world, name
        self._idle = 1 - world.running
        self.identity = (LABELS[self._idle].encode(), name.encode().ljust(16, b"\0"))

    def check(self, is_known_to_roll_back):
        assert is_known_to_roll_back

    async def stage(self, download):
        self._fill(None)
        self._fill(self._name)

    async def seal(self, download):
        assert self._world.images[self._idle] == self._name

    def _fill(self, image):
        def do():
            self._world.images[self._idle] = image

        self._world.write(do)


def on_micropython():
    """What MicroPython's own modules have and CPython's lack, for the device's code."""
    start = time.monotonic()
    return (
        (time, "ticks_ms", lambda: int((time.monotonic() - start) * 1000)),
        (time, "ticks_diff", lambda a, b: a - b),
        (gc, "mem_free", lambda: 100_000),
        (gc, "mem_alloc", lambda: 50_000),
        (gc, "collect", lambda: None),
    )
