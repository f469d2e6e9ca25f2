"""One life of a board of world.py after the other, with what must never be said or run."""

import types

from device.update import client as clients
from device.update import firmware, record, steps, trial
from tests.stateful.world import (
    HARD,
    LIVES_MAX,
    POWER_ON,
    WATCHDOG,
    FirmwareSlot,
    Nvs,
    PowerCut,
    Reset,
    Slot,
    Store,
    World,
    load_boot,
)

TRIALS_MAX = 40  # of one assignment: three times offered, each two starts and ten spared


class Wifi:
    is_joined = True


class Board:
    """A world, the releases there are, and an oracle that watches."""

    def __init__(self):
        self.world = World()
        self.boot = load_boot(self.world)
        self.releases = {4: ("", None)}  # number → (what its app does, its image or None)
        self.assigned = None  # number
        self.pairs = {(4, "old")}  # that a release brought together
        self.reported = []  # (number, outcome, reason)
        self.has_network = True
        self.has_excuse = False  # for golden: crashes, or an image that came over USB
        self.trials = {}
        record.open = self.world.open
        self.world.start_bootloader()
        record.BootRecord(path=[]).change(
            active="a", firmware=firmware.running(), watchdog_s=90
        )

    # What happens to it.

    def assign(self, app, behaviour):
        """The next release: what its app does, and its firmware (None: it brings none)."""
        number = max(self.releases) + 1
        image = None if behaviour is None else f"image{number}"
        self.world.behaviours[image] = behaviour or ""
        self.releases[number] = (app, image)
        self.assigned = number
        if image:
            self.pairs.add((number, image))

    def go(self, cuts=()):
        """Power on, and on until it rests; each cut is (writes from then on, how)."""
        cuts = list(cuts)
        self.world.cause = POWER_ON
        for _ in range(LIVES_MAX):
            if cuts:
                after, self.world.cut_how = cuts.pop(0)
                self.world.cut_at = self.world.writes + after
            try:
                if self._live():
                    self.world.cut_at = 0
                    return
            except PowerCut:
                self.world.cause, self.world.memory = POWER_ON, b""
            except Reset as reset:
                self.world.cause = reset.args[0]
        raise AssertionError("it never comes to rest")

    def crash(self, times):
        """Unannounced resets of what runs."""
        self.has_excuse = True
        for _ in range(times):
            self.world.memory, self.world.cause = b"", HARD
            try:
                self._live()
            except Reset as reset:
                self.world.cause = reset.args[0]

    # One start.

    def _live(self):
        """Whether it came to rest."""
        world = self.world
        behaviour = world.start_bootloader()
        if behaviour == "panic":
            raise Reset(HARD)
        path = []
        self.boot.sys = types.SimpleNamespace(path=path)
        self.boot.attempt(self.boot.start)
        record_ = record.BootRecord(path=path)
        self._look(record_, behaviour)
        if behaviour == "hang":
            raise Reset(WATCHDOG)
        client = self._build(record_)
        client.resume_commit()
        is_online = self.has_network and behaviour != "no-wifi"
        if record_.mode == "trial":
            if is_online:
                drive(client.check(self._answer()))
            drive(client.trial(types.SimpleNamespace(failure=None), Wifi()))
        if is_online:
            drive(client.check(self._answer()))
        return True

    def _look(self, record_, behaviour):
        """No half slot, no pair that no release brought together, no trial without bound."""
        image = self.world.images[self.world.running]
        if record_.slot == "-":
            assert self.has_excuse, "golden runs for no reason"
            return
        number = self.world.slots[record_.slot]
        assert number is not None, "half a slot runs"
        assert (number, image) in self.pairs, "a mixed pair runs"
        if record_.mode == "trial":
            self.trials[number] = self.trials.get(number, 0) + 1
            assert self.trials[number] <= TRIALS_MAX, "a release is tried for ever"

    def _answer(self):
        app_runs = self.assigned and {
            "assignment": self.assigned,
            "number": self.assigned,
            "manifest": "0" * 64,
            "size": 100,
        }
        return {"state": "claimed", "release": app_runs or None}

    def _build(self, record_):
        world = self.world
        self.record = record_
        number = self.assigned
        store, nvs = Store(world), Nvs(world)
        log = Log()
        journal_ = steps.Journal(store)
        power = types.SimpleNamespace(
            restart=self._restart,
            watchdog_s=90,
            walks=0,
            is_alone=False,
            may_retreat=False,
            free_heap=lambda: 0,
            remember=lambda **_: None,
        )
        reports = types.SimpleNamespace(add=self._report)
        firmware_ = types.SimpleNamespace(
            running=firmware.running,
            confirm=firmware.confirm,
            set_boot=firmware.set_boot,
            discard=firmware.discard,
            about=firmware.about,
            Parts=firmware.Parts,
            read_manifest=self._manifest,
        )
        firmware.open_slot = lambda image, folder: FirmwareSlot(world, image["name"])
        firmware.unpack = lambda slot, active: ((), ())
        config = types.SimpleNamespace(trial_s=120)
        health = types.SimpleNamespace(judge=self._judge)
        trial_ = trial.Trial(
            record_, journal_, firmware_, health, reports, power, nvs, store, config, log
        )
        identity = types.SimpleNamespace(product="blink", model="ESP32_GENERIC", abi=6)
        link = types.SimpleNamespace(resume=lambda: None, publish=lambda *_: None, is_online=True)
        return clients.Client(
            None,
            record_,
            journal_,
            lambda letter: Slot(world, letter, number, self._staged),
            firmware_,
            lambda: trial_,
            reports,
            identity,
            power,
            nvs,
            link,
            lambda names: None,
            log,
        )

    def _manifest(self, plan, path):
        image = self.releases[self.assigned][1]
        files = [["app/main.mpy", 100, "0" * 64]]
        parts = {"app": {"files": files}}
        if image:
            elf = image.encode().ljust(16, b"\0").hex()
            parts["firmware"] = {"ESP32_GENERIC": {"size": 1, "elf": elf, "name": image}}
        manifest = {
            "product": "blink",
            "number": self.assigned,
            "boards": ["ESP32_GENERIC"],
            "abi": 6,
            "firmwares": [],
            "parts": parts,
        }
        return manifest, files

    def _staged(self):
        if self.releases[self.assigned][1] is None:
            self.pairs.add((self.assigned, self.world.images[self.world.running]))

    async def _judge(self, *_):
        if not self.has_network or self.world.behaviours[self._image] == "no-wifi":
            return "no-contact"
        app = self.releases[self.world.slots[self.record.slot]][0]
        if app == "hangs":
            raise Reset(WATCHDOG)
        if app == "resets":
            raise Reset(HARD)
        return "app-raised" if app == "raises" else None

    async def _restart(self, why):
        self.world.memory = b"MPFR\1"
        raise Reset(HARD)

    def _report(self, kind, **fields):
        number = fields.get("number")
        self.reported.append((number, fields.get("outcome"), fields.get("reason")))
        if fields.get("outcome") == "done":
            on_flash = record.BootRecord(path=[])
            is_so = self.world.slots[on_flash.active] == number and on_flash.trial == "-"
            assert is_so, "done is said of what is not committed"
            assert (number, self._image) in self.pairs, "done is said on another firmware"
            app, _ = self.releases[number]
            is_bad = bool(app or self.world.behaviours[self._image])
            assert not is_bad, "done is said of a bad one"

    @property
    def _image(self):
        return self.world.images[self.world.running]

    @property
    def runs(self):
        """Number of the release, and the image, that run."""
        return self.world.slots.get(self.record.slot), self._image


class Log(list):
    """Nobody reads it."""

    lines = ()

    def __call__(self, *_):
        pass


def drive(coroutine):
    """Run what never waits."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits")
