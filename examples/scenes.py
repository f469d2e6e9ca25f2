"""What the demo plays, scene by scene; each yields the lines that prove it, or raises FleetError."""

import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from examples import fleet

# Shorter than on real boards, so that a blocked loop is found in seconds: a minute and more is the rule there.
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
_UNWELL = _BLINK.format(word="five") + """

def health():
    return False
"""
_HARMFUL = """
import asyncio

async def main(board):
    await asyncio.sleep(10)  # a trial takes less
    raise RuntimeError("harm after commit")
"""
_DESCRIPTION = '{{"product": "blink", "version": "{version}", "description": "{text}", "boards": ["ESP32_GENERIC"]}}'


class Scene(NamedTuple):
    """A title, and what is played."""

    title: str
    play: Callable[..., Iterator[str]]


def app(word, source, version, **more):
    """The files of a release: its description, its app, and whatever else it brings."""
    return {
        "mpfleet.json": _DESCRIPTION.format(version=version, text=f"release {word} of the demo"),
        "app/main.py": source.format(word=word) if "{word}" in source else source,
        **more,
    }


def _set_up(stage):
    number, _ = stage.offer(app("one", _BLINK, "1.0.0"))
    yield f"release {number} built and uploaded"
    stage.start_board()
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
    size = stage.client.get(f"/releases/{stage.PRODUCT}/{number}")["size_bytes"]
    fetched = report["bytes"]["fetched"]
    if fetched > 4096:
        raise fleet.FleetError(f"{fetched} bytes fetched for one small file")
    yield f"committed; {fetched} of {size} bytes fetched, {report['bytes']['copied']} copied from the slot before"


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
    """Power goes away while blobs are fetched; what is on flash is not fetched again."""
    noise = os.urandom(160 * 1024)  # nothing deflates: 40 blocks of flash
    stage.board.cut_power_at(60, "middle")
    number, _ = stage.offer(app("nine", _BLINK, "1.8.0", **{"app/noise.bin": noise}))
    if not stage.board.wait_for_cut(60):
        raise fleet.FleetError("the board did not write 60 times")
    yield "power cut in the middle of a write, in the middle of the download"
    stage.board.power_on()
    report = stage.report(number, "done")
    if report["bytes"]["resumed"] < len(noise) // 4:
        raise fleet.FleetError(f"only {report['bytes']} kept")
    yield f"resumed and committed; {_bytes(report)}"


def _figures(stage):
    report = next(r for r in stage.reports() if r["kind"] == "update" and r["outcome"] == "done")
    yield f"heap during the last update: {report['heap']}"
    yield from stage.figures()


def _bytes(report):
    return ", ".join(f"{count} bytes {what}" for what, count in report["bytes"].items())


ALL = (
    Scene("A bare board is set up over its serial port, registers and is claimed", _set_up),
    Scene("Release 2 arrives and is committed", _good(app("two", _BLINK, "1.1.0"))),
    Scene("Release 3 raises at its start", _bad(app("three", _RAISES, "1.2.0"), "app-raised", "release three cannot")),
    Scene("Release 4 blocks the loop for ever", _bad(app("four", _BLOCKS, "1.3.0"), "watchdog", "")),
    Scene("Release 5 runs, but says it is not well", _bad(app("five", _UNWELL, "1.4.0"), "unhealthy", "")),
    Scene("Release 6 changes one file, and only that travels", _one_file),
    Scene("Release 7 does harm only after it was committed; release 8 mends it", _harmful),
    Scene("Power is cut in the middle of a download", _killed),
)
