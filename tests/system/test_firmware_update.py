"""Firmware and app together on a virtual board, over the air from a real host."""

import json
import zlib
from hashlib import sha256

import pytest

from examples import fleet
from host.builder import release
from host.cli.release import publish
from host.rig.process import free_port
from simulator import build_image, image, otadata
from tests.patching import code

APP = """
import asyncio


async def main(board):
    board.log("app", "version {n}")
    while True:
        await asyncio.sleep(1)
"""
_NVS_NUMBER = 105
_OTADATA = 0xD000


class Site:
    """A host and one board, deployed with release 1."""

    def __init__(
        self,
        folder,
        host,
        client,
        product,
        *,
        has_rollback=True,
        watchdog_s=None,
        firmware=None,
        source=APP,
    ):
        self.folder, self.host, self.client, self.product = folder, host, client, product
        index = zlib.crc32(product.encode()) & 0xFFFF
        self.board = fleet.new_board(folder / "board", index, has_rollback=has_rollback)
        if has_rollback:  # deploy finds it out: tests/system/test_deploy_rollback.py
            self.board.nvs.set("mpfleet", "rollback", _NVS_NUMBER, (1).to_bytes(4, "little"))
            self.board.nvs.commit("mpfleet")
        self.board.power_on()
        self.publish(1, firmware, source)
        config = {"trial_s": 8, "contact_s": 6, "watchdog_s": watchdog_s}
        self.device = fleet.set_up(self.board, client, product, host, **config).device

    def publish(self, number, firmware=None, source=APP):
        """A release whose app says its number, with firmware or without."""
        app = self.folder / f"release{number}"
        (app / "app").mkdir(parents=True)
        (app / "mpfleet.json").write_text(
            json.dumps({"product": self.product, "boards": ["ESP32_GENERIC"]})
        )
        (app / "app/main.py").write_text(source.format(n=number))
        images = []
        if firmware:
            (app / "firmware.bin").write_bytes(firmware)
            images = [str(app / "firmware.bin")]
        publish(self.client, release.build(app, number, 1795000000, images=images))
        self.client.approve(self.product, number, self.host.passphrase)

    def assign(self, number):
        self.assigned = number
        fleet.assign(self.client, self.device, self.product, number)

    def update(self, number):
        """Assign a release and wait for its end: (state, reason)."""
        self.assign(number)
        return self.ended(number)

    def ended(self, number, timeout_s=180):
        def look():
            found = self.client.get(f"/devices/{self.device}")["assignment"]
            is_over = found["number"] == number and found["state"] not in ("offered", "started")
            return found if is_over else None

        try:
            found = fleet.wait_for(f"release {number}", look, timeout_s)
        except fleet.FleetError as error:
            pytest.fail(f"{error}; the board said:\n{self.board.console_text[-4000:]}")
        return found["state"], found["reason"]

    def reports(self):
        return self.client.get(f"/devices/{self.device}/reports")

    def last_report(self):
        """The report on the last update, which may come after word of what the board runs."""

        def look():
            found = (r for r in self.reports() if r["kind"] == "update")
            return next((r for r in found if r["number"] == self.assigned), None)

        return fleet.wait_for(f"a report on release {self.assigned}", look, 30)

    @property
    def runs(self):
        """Label and version of the firmware, and the release, that run."""
        label = self.board.firmware.running
        device = self.client.get(f"/devices/{self.device}")
        return label, self.board.firmware.image_of(label).version, device["number"]


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    folder = tmp_path_factory.mktemp("host")
    with (folder / "log").open("w") as log:
        host = fleet.Host(folder, free_port(), free_port(), log)
        try:
            host.wait_until_ready()
            yield host
        finally:
            host.stop()


@pytest.fixture
def site(host, tmp_path, request):
    """Settings of the board in `@pytest.mark.parametrize("site", …, indirect=True)`."""
    client = host.sign_in()
    product = f"p{zlib.crc32(request.node.name.encode())}"
    site = Site(tmp_path, host, client, product, **getattr(request, "param", {}))
    yield site
    site.board.close()
    client.close()


def firmware(behaviour="", version="v1.27.0"):
    """An image of some pieces."""
    return build_image(version=version, payload=b"code" * 30_000, behaviour=behaviour)


OLD = ("ota_0", "v1.26.0", 1)


def states(board):
    return [entry and entry.state for entry in otadata.read(board.flash, _OTADATA)]


def test_a_release_brings_its_firmware_and_both_are_committed(site):
    site.publish(2, firmware())
    assert site.update(2) == ("done", None)
    assert site.runs == ("ota_1", "v1.27.0", 2)
    assert states(site.board) == [otadata.VALID, otadata.VALID]


def test_firmware_that_is_still_on_the_board_does_not_travel_again(site):
    site.publish(2, firmware())
    site.update(2)
    site.publish(3, build_image())  # what the board came with
    assert site.update(3) == ("done", None)
    assert site.runs == ("ota_0", "v1.26.0", 3)
    assert site.last_report()["bytes"]["fetched"] < 5000


def test_a_firmware_that_panics_at_boot_is_given_up_and_the_old_pair_runs(site):
    site.publish(2, firmware(image.PANIC))
    assert site.update(2) == ("failed", "firmware-reverted")
    assert site.runs == OLD
    # once, and three times more: nobody can tell it from power cuts
    assert site.board.console_text.count("Guru Meditation") == 4


def test_a_firmware_without_wifi_loses_contact_and_the_old_pair_runs(site):
    site.publish(2, firmware(image.NO_WIFI))
    assert site.update(2) == ("failed", "lost-contact")
    assert site.runs == OLD


def test_an_app_that_raises_takes_its_firmware_with_it(site):
    site.publish(2, firmware(), source="async def main(board):\n    1 // 0\n")
    assert site.update(2) == ("failed", "app-raised")
    assert site.runs == OLD
    assert "ZeroDivisionError" in site.last_report()["traceback"]
    assert {report["running"] for report in site.reports()} == {1}  # nothing on trial runs


@pytest.mark.parametrize("site", ({"watchdog_s": 6},), indirect=True, ids=["watchdog"])
def test_a_firmware_that_hangs_after_boot_py_meets_the_watchdog_of_boot_py(site):
    site.publish(2, firmware(image.HANG))
    at = site.board.mark
    site.assign(2)
    at = site.board.wait_for("trial of release 2", 30, at)
    at = site.board.wait_for("TG1WDT_SYS_RESET", 30, at)
    site.board.wait_for("run: active slot a release 1", 30, at)
    assert site.board.firmware.running == "ota_0"


@pytest.mark.parametrize("site", ({"has_rollback": False},), indirect=True, ids=["old"])
def test_firmware_is_refused_where_the_bootloader_does_not_undo(site):
    site.publish(2, firmware())
    before = site.board.flash.read(0x190000, 0x10000)
    assert site.update(2) == ("refused", "no-rollback")
    assert site.board.flash.read(0x190000, 0x10000) == before
    assert "deploy this board again over USB" in site.last_report()["detail"]


def test_firmware_too_large_for_its_partition_is_refused_unwritten(site):
    site.publish(2, build_image(payload=b"x" * 0x180000))
    assert site.update(2) == ("refused", "no-space")
    assert site.board.flash.read(0x190000, 64) == b"\xff" * 64


def test_an_image_flashed_over_usb_brings_golden_up_and_the_next_release_heals_it(site):
    site.board.power_off()
    foreign = build_image(version="v1.28.0")
    for at in range(0, len(foreign), 4096):
        site.board.flash.erase(0x10000 + at)
        site.board.flash.program(0x10000 + at, foreign[at : at + 4096])
    at = site.board.mark
    site.board.power_on()
    site.board.wait_for("run: golden", 30, at)
    site.publish(2)
    assert site.update(2) == ("done", None)
    assert site.runs == ("ota_0", "v1.28.0", 2)
    assert "firmware-mismatch" in {r["reason"] for r in site.reports()}


def test_with_both_records_aborted_the_board_runs_on_and_takes_the_next_firmware(site):
    site.board.power_off()
    for n in (0, 1):
        otadata.write(site.board.flash, _OTADATA, n, otadata.Entry(n + 1, otadata.ABORTED))
    site.board.power_on()
    site.publish(2, firmware())
    assert site.update(2) == ("done", None)
    assert site.runs == ("ota_1", "v1.27.0", 2)


def test_a_committed_firmware_that_crashes_later_ends_in_golden_on_it(site):
    site.publish(2, firmware())
    site.update(2)
    for _ in range(5):
        at = site.board.mark
        site.board.reset()
        site.board.wait_for("run: ", 30, at)
    at = site.board.mark
    site.board.wait_for("link: online", 30, at)
    assert "run: golden" in site.board.console_text
    assert site.runs[:2] == ("ota_1", "v1.27.0")


def test_a_power_cut_while_the_image_is_staged_costs_a_piece(site):
    site.publish(2, build_image(version="v1.27.0", payload=b"code" * 150_000))
    site.board.cut_power_at(300, "middle")  # of some 400 operations, 300 of them the image's
    site.assign(2)
    assert site.board.wait_for_cut(30)
    site.board.power_on()
    assert site.ended(2) == ("done", None)
    assert site.last_report()["bytes"]["resumed"] > 32_000


def test_deploy_puts_no_release_on_a_firmware_it_does_not_bring(host, tmp_path):
    client = host.sign_in()
    site = Site(tmp_path, host, client, "newcomer", firmware=firmware())
    try:
        assert site.runs == ("ota_0", "v1.26.0", 0)  # golden
        assert site.update(1) == ("done", None)
        assert site.runs == ("ota_1", "v1.27.0", 1)
    finally:
        site.board.close()
        client.close()


@pytest.fixture
def patched(site):
    """The board runs release 2's firmware; the host has made the patch to release 3's."""
    old, new = (build_image(version=f"v1.{n}.0", payload=text) for n, text in PAYLOADS)
    site.publish(2, old)
    assert site.update(2) == ("done", None)
    site.publish(3, new)
    name = f"{sha256(new).hexdigest()}.{sha256(old).hexdigest()}.patch"
    path = site.host.folder / "blobs" / name[:2] / name
    fleet.wait_for("the patch", path.exists, 60)
    site.patch, site.image = path, new
    return site


CODE = code(1, 200_000)
PAYLOADS = (27, CODE), (28, CODE[:90_000] + code(2, 3000) + CODE[90_000:])
PATCHED = ("ota_0", "v1.28.0", 3)


def test_firmware_travels_as_a_patch_of_the_one_that_runs(patched):
    assert patched.update(3) == ("done", None)
    assert patched.runs == PATCHED
    fetched = patched.last_report()["bytes"]["fetched"]
    assert fetched < len(patched.image) / 10
    assert patched.patch.stat().st_size <= fetched


def test_a_power_cut_while_a_patch_is_applied_costs_a_piece(patched):
    patched.board.cut_power_at(80, "middle")
    patched.assign(3)
    assert patched.board.wait_for_cut(30)
    patched.board.power_on()
    assert patched.ended(3) == ("done", None)
    count = patched.last_report()["bytes"]
    assert 32_000 < count["resumed"] < len(patched.image)
    assert count["fetched"] < len(patched.image) / 10


def test_a_patch_that_rotted_on_the_host_is_made_up_for_by_the_whole_image(patched):
    rotten = bytearray(patched.patch.read_bytes())
    rotten[-1000:] = bytes(1000)
    patched.patch.write_bytes(rotten)
    assert patched.update(3) == ("done", None)
    assert patched.runs == PATCHED
    assert patched.last_report()["bytes"]["fetched"] > len(patched.image) / 3


# Update mode: the whole board for the update, where the application leaves it too little.

def hungry(left):
    """An app that leaves so many bytes of the heap."""
    return """
import asyncio
import gc


async def main(board):
    kept = []
    gc.collect()
    while gc.mem_free() > LEFT:
        kept.append(bytearray(1000))
    board.log("app", "version {n} holds", len(kept), "kB")
    while True:
        await asyncio.sleep(1)
""".replace("LEFT", str(left))


BUSY = """
import asyncio
import time


async def main(board):
    board.log("app", "version {n}")
    while True:
        time.sleep_ms(400)
        await asyncio.sleep_ms(0)
"""


def modes(board):
    """What it ran as, start after start."""
    lines = [line for line in board.console_text.splitlines() if "run: " in line]
    return [line.split("run: ")[1].split()[0] for line in lines]


@pytest.mark.parametrize(
    ("site", "why", "starts"),
    (
        ({"source": hungry(75_000)}, "MemoryError", ["update", "update"]),
        ({"source": hungry(45_000)}, "MemoryError", ["update", "update"]),
        ({"source": BUSY, "watchdog_s": 4}, "Starved", ["update"]),
    ),
    ids=["heap for an update", "heap for trust", "time"],
    indirect=["site"],
)
def test_an_update_that_the_application_starves_is_made_in_update_mode(site, why, starts):
    """What is looked up in update mode is staged after one start more, in a heap that is whole."""
    site.publish(2)
    assert site.update(2) == ("done", None)
    assert f"update mode: {why}" in site.board.console_text
    assert " ".join(modes(site.board)).endswith(" ".join(["active", *starts, "trial"]))

    def is_active():
        return site.client.get(f"/devices/{site.device}")["mode"] == "active"

    fleet.wait_for("the new release to say that it is active", is_active, 10)
