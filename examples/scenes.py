"""What the demo plays, scene by scene; each yields what proves it, or raises FleetError."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from examples import flash, fleet
from host.deploy.board import Board

# Shorter than on real boards, where a watchdog takes a minute and more.
QUICK = {"watchdog_s": 8, "trial_s": 12, "contact_s": 30, "poll_s": 30, "healthy_s": 20}

_BLINK = """
import asyncio

async def main(board):
    n = 0
    while True:
        n += 1
        board.log("blink", n, "of release {word}")
        await asyncio.sleep(1)
"""
_RAISES = """
async def main(board):
    raise ValueError("release three cannot start")
"""
_BLOCKS = """
async def main(board):
    board.log("blocking for ever")
    while True:
        pass
"""
_UNWELL = (
    _BLINK.format(word="five")
    + """

def health():
    return False
"""
)
_HARMFUL = """
import asyncio

async def main(board):
    await asyncio.sleep(10)  # a trial takes less
    raise RuntimeError("harm after commit")
"""
_PIECE = 32 * 1024  # what a resumed download loses at most


class Scene(NamedTuple):
    """A title, and what is played."""

    title: str
    play: Callable[..., Iterator[str]]


def app(word, source, version, **more):
    """The files of a release: its description, its app, and whatever else it brings."""
    description = {
        "product": "blink",
        "version": version,
        "description": f"release {word} of the demo",
        "boards": ["ESP32_GENERIC"],
    }
    return {
        "mpfleet.json": json.dumps(description),
        "app/main.py": source.format(word=word) if "{word}" in source else source,
        **more,
    }


def bare_heap(port):
    """Bytes of heap that MicroPython itself and the virtual board's stand-ins take."""
    with contextlib.closing(Board(port)) as board:
        board.stop()
        return int(board.run("import gc; gc.collect(); print(gc.mem_alloc())"))


def _set_up(stage):
    number, _ = stage.offer(app("one", _BLINK, "1.0.0"))
    yield f"release {number} built and uploaded"
    stage.start_board()
    stage.bare_heap = bare_heap(stage.board.port)
    yield f"a bare board is on {stage.board.port}"
    outcome = fleet.set_up(stage.board, stage.client, stage.PRODUCT, stage.host, **QUICK)
    stage.device = outcome.device
    yield f"deployed: {outcome.copied} files copied, device {outcome.device} registered"
    stage.wait_until_running(1)
    device = stage.now()
    if device["state"] != "claimed":
        raise fleet.FleetError(f"the device is {device['state']}, not claimed")
    yield f"claimed by {device['owner']}, online, runs release 1 from slot {device['slot']}"


def _good(files):
    """A release that is taken and kept."""

    def play(stage):
        number, _ = stage.offer(files)
        yield f"release {number} assigned"
        report = stage.report(number, "done")
        stage.wait_until_running(number)
        yield f"committed; {_bytes(report)}"

    return play


def _bad(files, reason, text):
    """A release that undoes itself, for this reason and with this text in its traceback."""

    def play(stage):
        before = stage.now()["number"]
        number, _ = stage.offer(files)
        yield f"release {number} assigned"
        report = stage.report(number, "failed", 120)
        if report["reason"] != reason:
            raise fleet.FleetError(f"release {number} failed as {report['reason']}, not {reason}")
        if text not in (report["traceback"] or ""):
            raise fleet.FleetError(f"no {text!r} in the traceback {report['traceback']!r}")
        stage.wait_until_running(before)
        yield f"went back to release {before}: {reason}"
        yield from (f"    {line}" for line in (report["traceback"] or "").splitlines())

    return play


def _one_file(stage):
    number, _ = stage.offer(app("six", _BLINK, "1.5.0"))
    report = stage.report(number, "done")
    stage.wait_until_running(number)
    manifest = stage.client.manifest(stage.PRODUCT, number)
    blobs = report["bytes"]["fetched"] - len(manifest)
    size = next(size for path, size, _ in files_of(manifest) if path == "app/main.mpy")
    if blobs > size:
        raise fleet.FleetError(f"{blobs} bytes of blobs for a file of {size}")
    total = sum(size for _, size, _ in files_of(manifest))
    yield f"committed; {blobs} of {total} bytes fetched, and a manifest of {len(manifest)}"


def _harmful(stage):
    number, _ = stage.offer(app("seven", _HARMFUL, "1.6.0"))
    stage.report(number, "done")

    def raised():
        return [r for r in stage.reports() if r["kind"] == "app" and r["running"] == number]

    report = fleet.wait_for("the app's traceback", raised, 60)[0]
    stage.wait_until_running(number)
    yield f"reported, and the board stays online: {report['traceback'].strip().splitlines()[-1]}"
    yield from _good(app("eight", _BLINK, "1.7.0"))(stage)


def _killed(stage):
    """Power goes away while a blob is fetched; what is on flash of it is not fetched again."""
    noise = os.urandom(160 * 1024)  # nothing deflates: some 1,300 writes of 128 bytes
    stage.board.cut_power_at(800, "middle")
    number, _ = stage.offer(app("nine", _BLINK, "1.8.0", **{"app/noise.bin": noise}))
    if not stage.board.wait_for_cut(60):
        raise fleet.FleetError("the board did not write 800 times")
    yield "power cut in the middle of a write, in the middle of a blob"
    stage.board.power_on()
    report = stage.report(number, "done")
    stage.wait_until_running(number)
    kept = len(noise) - report["bytes"]["fetched"]
    if kept < _PIECE:
        raise fleet.FleetError(f"fetched anew: {report['bytes']}")
    yield f"resumed and committed: {kept} of the blob's {len(noise)} bytes not fetched again"


def _figures(stage):
    """What it costs in RAM and flash."""
    done = [r for r in stage.reports() if r["kind"] == "update" and r["outcome"] == "done"]
    idle = stage.idle_heap() - stage.bare_heap
    peak = max(r["heap"]["peak_used"] for r in done) - stage.bare_heap
    yield "heap above a bare board, in a 64-bit MicroPython (a chip's objects are half as large):"
    yield f"  idle runtime with its app {idle} bytes, highest during an update {peak} bytes"
    stage.board.power_off()
    blocks = flash.blocks(stage.board_folder / "flash.bin")
    yield "littlefs blocks of 4 KiB: " + ", ".join(f"{name} {n}" for name, n in blocks.items())


def files_of(manifest):
    """Path, size and hash of each file of a release."""
    return json.loads(manifest)["parts"]["app"]["files"]


def _bytes(report):
    return ", ".join(f"{count} bytes {what}" for what, count in report["bytes"].items())


ALL = (
    Scene("A bare board is set up over its serial port, registers and is claimed", _set_up),
    Scene("Release 2 arrives and is committed", _good(app("two", _BLINK, "1.1.0"))),
    Scene(
        "Release 3 raises at its start",
        _bad(app("three", _RAISES, "1.2.0"), "app-raised", "release three cannot"),
    ),
    Scene(
        "Release 4 blocks the loop for ever", _bad(app("four", _BLOCKS, "1.3.0"), "watchdog", "")
    ),
    Scene(
        "Release 5 runs, but says it is not well",
        _bad(app("five", _UNWELL, "1.4.0"), "unhealthy", ""),
    ),
    Scene("Release 6 changes one file, and only that travels", _one_file),
    Scene("Release 7 does harm only after it was committed; release 8 mends it", _harmful),
    Scene("Power is cut in the middle of a download", _killed),
    Scene("What it costs", _figures),
)
