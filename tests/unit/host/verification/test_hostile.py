"""Releases that do harm: each is rejected with a finding that a person understands."""

import pytest

import simulator
from host.verification import gate, sandbox
from host.verification.candidate import Case
from host.verification.finding import FAIL
from host.verification.inside import soak, stages, updates
from host.verification.inside.boards import Bench
from tests.unit.host.verification.releases import IDLE, made

KINDS = ("bubblewrap", "own-user")
LEAKS = """
import asyncio

kept = []

async def main(board):
    while True:
        kept.append(bytes(20))
        await asyncio.sleep(10)
"""
HANGS = (
    IDLE
    + """
def health():
    while True:
        pass
"""
)
BREAKS_WIFI = """
import asyncio, network

async def main(board):
    while True:
        network.WLAN(network.STA_IF).active(False)
        await asyncio.sleep_ms(20)
"""
LEAVES_SETTINGS = """
import asyncio

async def main(board):
    with open("/settings.txt", "w") as f:
        f.write("celsius: 20")
    while True:
        await asyncio.sleep(1)
"""
STUMBLES = """
import asyncio, os

async def main(board):
    if "settings.txt" in os.listdir("/"):
        with open("/settings.txt") as f:
            float(f.read())  # release 3 wrote a word before the number
    while True:
        await asyncio.sleep(1)
"""
BRICKS = """
import asyncio, os

async def main(board):
    if "settings.txt" in os.listdir("/"):
        await asyncio.sleep(1)
        os.remove("/main.py")
    while True:
        await asyncio.sleep(1)
"""


@pytest.fixture
def bench(tmp_path):
    """A bench whose boards are quick to judge."""
    made = Bench(tmp_path, "blink", "ESP32_GENERIC")
    made.trial_s, made.watchdog_s, made.online_s = 8, 6, 15
    return made


def failed(check, bench, case):
    [found] = [one for one in check(bench, case, lambda detail: None) if one.level == FAIL]
    return found


def test_an_application_that_leaks_is_found_by_living_a_day(bench):
    found = failed(stages.imports, bench, Case(made(5, LEAKS)))
    assert found.title == "It leaks memory"
    assert "runs out of memory after" in found.sentence


def test_a_health_that_hangs_is_found_by_the_watchdog(bench):
    found = failed(stages.boots, bench, Case(made(5, HANGS)))
    assert "watchdog" in found.sentence
    assert "does health() or main() block?" in found.sentence


def test_an_application_that_breaks_wifi_is_found(bench):
    found = failed(stages.boots, bench, Case(made(5, BREAKS_WIFI)))
    assert "lost-contact" in found.sentence or "no-contact" in found.sentence


@pytest.mark.parametrize(
    ("source", "says"),
    ((STUMBLES, "ValueError"), (BRICKS, "does not come back after a power cut")),
    ids=("goes back", "bricks"),
)
def test_what_fails_only_after_release_3_is_named(bench, source, says):
    case = Case(made(5, source), (made(3, LEAVES_SETTINGS),))  # besides a board without one
    found = failed(updates.check, bench, case)
    assert "release 3" in found.title
    assert says in found.sentence


FORKS = """
import uos
for _ in range(400):
    uos.system("sleep 20 &")
"""
FILLS = """
import uos
uos.system("cd /tmp/mpfleet-gate-*/scratch && for n in 1 2 3 4 5 6 7 8 9; do"
    " head -c 50M /dev/zero > $n; done")
"""
PHONES = """
import usocket
try:
    usocket.socket().connect(usocket.getaddrinfo("192.0.2.1", 443)[0][-1])
except OSError:
    pass
"""
READS = """
import vfs
try:
    vfs.mount(vfs.VfsPosix("/"), "/out")
    open("/out{folder}/keys/online.json").read()
except OSError:
    pass
"""
HOSTILE = {
    "forks": (FORKS, "It starts processes without end"),
    "fills the disk": (FILLS, "It fills the verifier's disk"),
    "phones out": (PHONES, "It phones out of its verifier"),
    "reads keys": (READS, "It looks for the host's keys"),
}


@pytest.fixture
def data(tmp_path):
    """A host's folder, with its key in it."""
    folder = tmp_path / "data"
    (folder / "keys").mkdir(parents=True)
    (folder / "keys/online.json").write_text("the key")
    return folder


def tried(source, data, kind, **more):
    if not sandbox.find((kind,)):
        pytest.skip(
            f"{kind} does not work here: bubblewrap is missing, or the right to make namespaces, "
            "or another user cannot read this Python's folder"
        )
    case = Case(made(5, source + IDLE))
    return gate.run(case, lambda *_: None, hidden=[data], kinds=(kind,), only=("imports",), **more)


@pytest.mark.parametrize(("source", "title"), HOSTILE.values(), ids=HOSTILE)
def test_code_that_leaves_its_board_is_rejected(data, source, title):
    limits = sandbox.Limits(seconds=60, processes=60, disk_bytes=200 << 20)
    source = source.replace("{folder}", str(data))
    found = tried(source, data, "bubblewrap", limits=limits)
    assert title in [one.title for one in found if one.level == FAIL]


def test_without_bubblewrap_a_user_of_its_own_confines_it(data):
    found = tried(PHONES, data, "own-user")
    assert "It phones out of its verifier" in [one.title for one in found if one.level == FAIL]


def test_a_release_that_takes_too_long_is_ended(data):
    limits = sandbox.Limits(seconds=1)
    found = tried(IDLE, data, "bubblewrap", limits=limits)
    assert "It did not come to an end" in [one.title for one in found if one.level == FAIL]


def test_where_nothing_confines_it_it_is_not_run():
    found = gate.run(Case(made(5)), lambda *_: None, kinds=())
    assert {one.level for one in found if one.check == "boots"} == {"warn"}
    assert "Not tried: nothing here confines it" in found[-1].sentence


def test_where_there_is_no_micropython_no_board_is_to_blame(monkeypatch):
    def missing():
        raise simulator.MicroPythonMissing

    monkeypatch.setattr(simulator, "micropython", missing)
    found = gate.run(Case(made(5)), lambda *_: None)
    assert {one.level for one in found if one.check == "boots"} == {"warn"}
    assert "no MicroPython here" in found[-1].sentence


STEADY = [(n * 600, 100_000 + n % 3 * 50) for n in range(60)]
RISING = [(n * 600, 100_000 + n * 200 + n % 3 * 50) for n in range(60)]
FILLING = [(n * 600, 100_000 + min(n, 20) * 900) for n in range(60)]


@pytest.mark.parametrize(
    ("samples", "leaks"), ((STEADY, False), (RISING, True), (FILLING, False), (RISING[:5], False))
)
def test_a_leak_grows_all_along(samples, leaks):
    rate, _ = soak.growth(samples)
    assert (rate > 1000) == leaks
