"""Virtual boards that all begin from one installed flash, and what becomes of each.

Above and below is real: boot.py, the runtime (its waits shortened), TLS, HTTP, MQTT, littlefs, the
ESP32's bootloader. The host is of this folder.
"""

import datetime as dt
import json
import queue
import random
import shutil
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field
from types import SimpleNamespace

from littlefs import LittleFS

from host import pki
from host.builder import release
from host.deploy import steps
from host.deploy.plan import Network, Plan
from simulator import AccessPoint, Radio, VirtualBoard, build_image
from tests.faults import variant
from tests.faults.server import Content, Host
from tests.patching import code

ADDRESS = ("fleet.lan", "10.0.0.1")
API, MQTT = 8443, 8883
KINDS = ("app", "firmware", "patch")  # what release 2 brings, and how its firmware travels
_VFS, _VFS_BYTES, _BLOCK = 0x310000, 0xF0000, 4096
_NVS_NUMBER = 105
_ID = b"\x24\x0a\xc4\x00\x00\x01"
_STATE = {"boot0", "boot1", "journal", "config.json", "wifi.json", "registration.json"}
_STATE |= {f"{name}.json" for name in ("root", "timestamp", "snapshot", "targets", "trusted")}
_END_S = 60
_NAGS, _TRIES = 12, 40  # one thing asked for so often, or so many connections: it has no bound
_SPARED = ("interrupted", "no-contact")  # a failed trial that is offered again
_CONFIG = {"trial_s": 7, "contact_s": 10, "watchdog_s": 30, "ntp_host": "ntp.lan"}
_APP = """
import asyncio


async def main(board):
    board.log("app", "version {}")
    while True:
        await asyncio.sleep(1)
"""


@dataclass
class Told:
    """What became of a board."""

    number: int = 0  # release that release 3 was an update of: what it ended on
    outcome: str = ""  # of the update to release 2, and the word for it
    reason: str = ""
    next_number: int = 0
    next_outcome: str = ""
    fetched: int = 0
    lookups: list = field(default_factory=list)  # (time, port) until release 2's end
    asked: list = field(default_factory=list)
    outage_s: float = 0
    lines: str = ""
    oddities: list = field(default_factory=list)  # files that should not be, or not be so
    firmware: str = ""
    passed: dict = field(default_factory=dict)
    met: int = 0
    wrongs: list = field(default_factory=list)


class Rig:
    """Installs once; `live()` starts a board from that."""

    def __init__(self, folder):
        self.folder = folder
        self._numbers = iter(range(1, 1 << 30))
        project = folder / "project"
        project.mkdir()
        variant.make(project)
        now = dt.datetime.now(dt.UTC)
        pki.ensure(folder / "pki", "mpfleet", (), now)
        self._leaf = folder / "pki" / pki.SERVER_FILE
        self._images = [
            build_image(version=f"v1.{n}.0", payload=text)
            for n, text in enumerate(_payloads(), 26)
        ]
        self._build()
        self._install()

    def _build(self):
        rng = random.Random(1)
        words = [rng.randbytes(5) for _ in range(400)]
        more = {
            "app/words.bin": b"".join(rng.choice(words) for _ in range(20_000)),  # in pieces
            "app/noise.bin": rng.randbytes(40_000),  # raw
        }
        image = self.folder / "new.bin"
        image.write_bytes(self._images[1])
        self.releases = {
            ("app", 1): self._release(1, {}),
            ("app", 2): self._release(2, more),
            ("firmware", 2): self._release(2, {}, [str(image)]),
            ("app", 3): self._release(3, {}),
        }
        self.releases["patch", 2] = self.releases["firmware", 2]
        for kind in KINDS:
            self.releases[kind, 3] = self.releases["app", 3]
        self._contents = {
            kind: Content(
                [self.releases[kind, 2], self.releases[kind, 3]],
                self._images[0] if kind == "patch" else None,
            )
            for kind in KINDS
        }

    def _release(self, number, more, images=()):
        folder = self.folder / f"app{number}{len(images)}"
        (folder / "app").mkdir(parents=True)
        description = {"product": "blink", "boards": ["ESP32_GENERIC"]}
        (folder / "mpfleet.json").write_text(json.dumps(description))
        (folder / "app/main.py").write_text(_APP.format(number))
        for path, content in more.items():
            (folder / path).write_bytes(content)
        return release.build(
            folder, number, 1795000000, root=self.folder / "project", images=images
        )

    def _install(self):
        """As a real board is set up: through its serial port, by deploy."""
        first = self.releases["app", 1]
        client = SimpleNamespace(
            releases=lambda product: [{"number": 1, "state": "approved"}],
            manifest=lambda product, number: first.manifest,
            blob=first.blobs.__getitem__,
            enrolment_token=lambda: "token",
            find_device=lambda device: None,
        )
        plan = Plan(
            product="blink",
            addresses=ADDRESS[:1],
            port=API,
            mqtt_port=MQTT,
            fleet="mpfleet",
            ca_der=pki.ca_der(self.folder / "pki"),
            root=self._contents["app"].approvals.root,
            wifi=[Network("home", "correct horse")],
            model="ESP32_GENERIC",
            config=_CONFIG,
            wait_s=30,
        )
        host = Host(self._leaf, self._contents["app"])
        board = self._board(self.folder / "installed", host, firmware=self._images[0])
        try:
            board.nvs.set("mpfleet", "rollback", _NVS_NUMBER, (1).to_bytes(4, "little"))
            board.nvs.commit("mpfleet")
            board.power_on()
            steps.deploy(board.port, plan, client, lambda event: None)
            board.power_off()
        finally:
            board.close()
            host.close()

    def _board(self, folder, host, **more):
        radio = Radio([AccessPoint("home", "correct horse")], names=dict([ADDRESS]))
        radio.stall_s = 1.0
        for port, real in host.ports.items():
            radio.routes[ADDRESS[1], port] = ("127.0.0.1", real)
        return VirtualBoard(folder, unique_id=_ID, radio=radio, **more)

    def live(self, kind, arm, fault=None, end_s=_END_S):
        """A life: `arm(site)` plans what goes wrong; Told."""
        folder = self.folder / f"life{next(self._numbers)}"
        folder.mkdir()
        shutil.copy(self.folder / "installed" / "flash.bin", folder)
        if fault:
            _plant(folder, self.folder / "project", fault)
        host = Host(self._leaf, self._contents[kind])
        board = self._board(folder, host)
        site = Site(self, kind, host, board)
        try:
            return site.live(arm, end_s)
        finally:
            site.close()
            board.close()
            host.close()
            shutil.rmtree(folder)


class Site:
    """One board and its host while an update goes on; `radio` and `host` are there to be hurt."""

    def __init__(self, rig, kind, host, board):
        self._rig, self._kind = rig, kind
        self.host, self.board, self.radio = host, board, board.radio
        self._outages = []
        self.told = Told()

    def outage(self, seconds, begin, end):
        """Something is away from now on for so long; harmless to call in the board's thread."""
        begin()
        self._outages.append((time.monotonic() + seconds, time.monotonic(), end))

    def live(self, arm, end_s):
        """Until release 2's end and release 3's, then what is on the flash."""
        told, host, radio = self.told, self.host, self.radio
        host.offer(2, self._rig.releases[self._kind, 2])
        arm(self)
        self.board.power_on()
        report = self._end_of(2, time.monotonic() + end_s)
        told.outcome, told.reason = report.get("outcome", "none"), report.get("reason") or ""
        told.fetched = report.get("bytes", {}).get("fetched", 0)
        told.lookups = [(at, port) for at, _, port in list(radio.lookups)]
        told.asked, told.passed = list(host.asked), dict(radio.faults.passed)
        told.met = len(radio.faults.met)
        told.wrongs = list(host.wrongs)
        if report:
            host.wrongs = []
            radio.faults.planned.clear()
            host.offer(3, self._rig.releases[self._kind, 3])
            report = self._end_of(3, time.monotonic() + end_s)
            told.next_outcome = report.get("outcome", "none")
        self.board.power_off()
        told.lines = self.board.console_text
        self._look()
        return told

    def close(self):
        for _, _, end in self._outages:
            end()

    def _end_of(self, number, deadline):
        """The report that ends this release's update; {} where none came in time."""
        while time.monotonic() < deadline and not self._is_endless():
            self._end_outages()
            try:
                report = self.host.reports.get(timeout=0.05)
            except queue.Empty:
                continue
            if report["kind"] != "update" or report["number"] != number:
                continue
            if report.get("reason") not in _SPARED:
                return report
        return {}

    def _is_endless(self):
        asked = Counter(path for _, path, _ in self.host.asked if path[:2] in ("/b", "/m"))
        return len(self.radio.lookups) > _TRIES or max(asked.values(), default=0) > _NAGS

    def _end_outages(self):
        now = time.monotonic()
        for outage in list(self._outages):
            if outage[0] <= now:
                outage[2]()
                self._outages.remove(outage)
                self.told.outage_s += now - outage[1]

    def _look(self):
        """Read the file system as it lies in the flash."""
        told = self.told
        told.firmware = self.board.firmware.image_of(self.board.firmware.boot_label()).version
        files = read_files(self.board.folder / "flash.bin")
        active = _active(files)
        told.number = _number(files, "b" if active == "a" else "a")
        told.next_number = _number(files, active)
        told.oddities = list(_oddities(files, active))


def _plant(folder, project, fault):
    """Put modules with a fault into the slot that runs."""
    copy = folder / "planted"
    shutil.copytree(project, copy)
    flash = folder / "flash.bin"
    with _mounted(flash) as fs:
        for path, content in variant.planted(copy, fault).items():
            with fs.open(f"/slots/a/{path}", "wb") as f:
                f.write(content)


class _mounted:  # noqa: N801 - used like open()
    """The board's file system in a flash file; written back at the end."""

    def __init__(self, path):
        self._path = path

    def __enter__(self):
        self.fs = LittleFS(block_size=_BLOCK, block_count=_VFS_BYTES // _BLOCK, mount=False)
        with self._path.open("rb") as f:
            f.seek(_VFS)
            self.fs.context.buffer = bytearray(f.read(_VFS_BYTES))
        self.fs.mount()
        return self.fs

    def __exit__(self, *_):
        self.fs.unmount()
        with self._path.open("r+b") as f:
            f.seek(_VFS)
            f.write(self.fs.context.buffer)


def read_files(flash):
    """{path: bytes} of the board's file system."""
    found = {}
    with _mounted(flash) as fs:
        for folder, _, names in fs.walk("/"):
            for name in names:
                path = f"{folder.rstrip('/')}/{name}"
                with fs.open(path, "rb") as f:
                    found[path] = f.read()
    return found


def _records(files):
    for name in ("/state/boot0", "/state/boot1"):
        data = files.get(name, b"")
        if len(data) >= 104 and zlib.crc32(data[:100]) == int.from_bytes(data[100:104], "little"):
            yield int.from_bytes(data[4:8], "little"), data


def _active(files):
    return max(_records(files))[1][8:9].decode()


def _number(files, slot):
    try:
        return json.loads(files[f"/slots/{slot}/release.json"])["number"]
    except (KeyError, ValueError):
        return 0


def _oddities(files, active):
    """What is not as it should be on the flash of a board that has nothing to do."""
    if len(list(_records(files))) < sum(path.startswith("/state/boot") for path in files):
        yield "a boot record is garbage"
    for path, data in files.items():
        if path.startswith("/state/") and path[7:] not in {*_STATE, "reports.json"}:
            yield f"{path} is left over"
        if path.startswith("/state/") and not path.startswith("/state/boot"):
            try:
                json.loads(data)
            except ValueError:
                yield f"{path} is garbage"
    for slot in "ab":
        yield from _differences(files, slot, slot == active)


def _differences(files, slot, is_active):
    said = files.get(f"/slots/{slot}/release.json")
    there = {p: d for p, d in files.items() if p.startswith(f"/slots/{slot}/")}
    if said is None:
        if is_active:
            yield f"slot {slot} has no release"
        return
    wanted = {f"/slots/{slot}/release.json"}
    for path, _, digest in json.loads(said)["parts"]["app"]["files"]:
        wanted.add(f"/slots/{slot}/{path}")
        if release.digest(there.get(f"/slots/{slot}/{path}", b"")) != digest:
            yield f"/slots/{slot}/{path} is not what it should be"
    yield from (f"{path} is left over" for path in there if path not in wanted)


def _payloads():
    """Of the firmware that a board has, and of the one that it gets: two builds of one code."""
    text = code(1, 150_000)
    return text, text[:70_000] + code(2, 3000) + text[70_000:]
