"""The whole runtime on a virtual board, set up by deploy, with a host of a few lines."""

import json

import pytest
from fleet import Fleet, wait_until

from simulator.radio import LINK_STALL
from tests.boards import board_maker, virtual_board  # noqa: F401 - fixtures

BLINK = """
import asyncio
async def main(board):
    while True:
        await asyncio.sleep(1)
"""


@pytest.fixture
def fleet(authority, leaf):
    fleet = Fleet(authority, leaf)
    yield fleet
    fleet.close()


@pytest.fixture
def deploy(fleet, virtual_board, tmp_path):  # noqa: F811
    """Set the board up with an application; the board, online."""

    def run(source, **config):
        fleet.deploy(virtual_board, tmp_path / "source", source, **config)
        return virtual_board

    return run


def test_a_board_registers_checks_and_says_what_it_runs(fleet, deploy):
    deploy(BLINK)
    status = fleet.status.get(timeout=5)
    assert (status.pop("firmware") != "", status) == (
        True,
        {"online": True, "number": 1, "slot": "a", "mode": "active", "metadata": {}},
    )
    asked = [first.split()[1].rpartition("/")[2] for first, _, _ in fleet.requests]
    assert asked[:2] == ["register", "assignment"]


def test_a_notify_is_followed_by_a_check(fleet, deploy):
    deploy(BLINK)
    fleet.status.get(timeout=5)
    wait_until(lambda: len(fleet.requests) >= 3)
    before = len(fleet.requests)
    fleet.notify("check")
    wait_until(lambda: len(fleet.requests) > before)
    assert fleet.requests[-1][0].startswith("GET /api/device/v1/assignment")


def test_an_application_that_raises_is_reported_while_the_board_stays_online(fleet, deploy):
    deploy("async def main(board):\n    raise ValueError('too hot')\n")
    report = fleet.reports.get(timeout=5)
    assert (report["kind"], report["reason"], report["running"]) == ("app", "app-raised", 1)
    assert "ValueError: too hot" in report["traceback"]
    fleet.notify("check")
    before = len(fleet.requests)
    wait_until(lambda: len(fleet.requests) > before)


def test_a_task_of_the_application_that_raises_is_reported_too(fleet, deploy):
    deploy(
        """
import asyncio
async def task():
    raise KeyError("lost")
async def main(board):
    asyncio.create_task(task())
    while True:
        await asyncio.sleep(1)
"""
    )
    assert "KeyError: lost" in fleet.reports.get(timeout=5)["traceback"]


def test_the_loop_blocked_for_a_watchdog_period_is_a_crash_and_reported(fleet, deploy):
    board = deploy(
        """
import asyncio, os, time
async def main(board):
    try:
        os.stat("/blocked")
    except OSError:
        open("/blocked", "w").close()
        await asyncio.sleep(2)
        time.sleep(60)
""",
        watchdog_s=1,
    )
    board.wait_for("task_wdt", 10)
    report = fleet.reports.get(timeout=10)
    assert (report["kind"], report["reason"], report["detail"]) == (
        "boot",
        "watchdog",
        "crash 1 of 5",
    )


def test_a_silent_thread_starves_the_watchdog(deploy):
    board = deploy(
        """
import time
def work():
    time.sleep(60)
async def main(board):
    await board.thread(work)
""",
        watchdog_s=1,
    )
    board.wait_for("task_wdt", 10)


def test_a_thread_that_is_alive_does_not(fleet, deploy):
    board = deploy(
        """
import time
def work():
    for i in range(40):
        time.sleep(0.1)
        board_.alive()
    print("thread is done")
async def main(board):
    global board_
    board_ = board
    await board.thread(work)
""",
        watchdog_s=2,
    )
    board.wait_for("thread is done", 10)
    assert "task_wdt" not in board.console_text


CRASHING = """
import machine
async def main(board):
    machine.reset()
"""


def test_five_crashes_bring_golden_up_which_says_why(fleet, deploy):
    board = deploy(CRASHING, wait_s=0)
    board.wait_for("link: online", 20)
    assert fleet.status.get(timeout=5)["mode"] == "golden"
    report = fleet.reports.get(timeout=5)
    assert (report["kind"], report["reason"], report["running"]) == ("boot", "crashes", 0)


def test_golden_tries_the_active_slot_again_when_the_host_says_so(fleet, deploy):
    board = deploy(CRASHING, wait_s=0)
    board.wait_for("link: online", 20)
    at = len(board.console_text)
    fleet.notify("retry-active")
    at = board.wait_for("run: active slot a", 10, at)
    board.wait_for("run: golden", 10, at)  # one more crash is enough


def test_reset_is_announced_and_no_crash(fleet, deploy):
    board = deploy(
        """
import asyncio, os
async def main(board):
    try:
        os.stat("/done")
        print("second start")
    except OSError:
        open("/done", "w").close()
        await asyncio.sleep(1)
        await board.reset()
"""
    )
    board.wait_for("second start", 10)
    at = board.wait_for("link: online", 10, len(board.console_text) - 200)
    assert at
    assert fleet.reports.empty()


def test_deep_sleep_ends_in_a_start_from_the_beginning(deploy):
    board = deploy(
        """
import machine
async def main(board):
    print("cause", machine.reset_cause())
    if machine.reset_cause() != 4:
        await board.sleep(0.5)
"""
    )
    board.wait_for("cause 4", 10)


def test_wifi_that_goes_away_and_comes_back_is_joined_again(fleet, deploy):
    board = deploy(BLINK)
    home = board.radio.access_points[0]
    at = len(board.console_text)
    home.is_present = False
    board.radio.drop()
    at = board.wait_for("link: offline", 10, at)
    home.is_present = True
    board.wait_for("link: online", 20, at)


def test_a_name_that_takes_its_time_and_fails_is_asked_again(fleet, virtual_board, tmp_path):  # noqa: F811
    virtual_board.radio.names["fleet.test"] = LINK_STALL
    virtual_board.radio.stall_s = 0.5
    fleet.deploy(virtual_board, tmp_path / "source", BLINK, wait_s=0, addresses=["fleet.test"])
    at = virtual_board.wait_for("name-lookup fleet.test", 10)
    virtual_board.radio.names["fleet.test"] = "127.0.0.1"
    virtual_board.wait_for("link: online", 20, at)


def test_a_name_look_up_that_outlasts_the_watchdog_is_no_crash(
    fleet, virtual_board, tmp_path  # noqa: F811
):
    names, virtual_board.radio.stall_s = virtual_board.radio.names, 60
    names["fleet.test"] = LINK_STALL
    # Longer than the start takes on a busy machine: only the look-up may meet it.
    fleet.deploy(virtual_board, tmp_path / "source", BLINK, 0, ["fleet.test"], watchdog_s=8)
    at = virtual_board.wait_for("task_wdt", 30)
    names["fleet.test"] = "127.0.0.1"
    virtual_board.wait_for("link: online", 20, at)
    detail = fleet.reports.get(timeout=5)["detail"]
    assert detail == "crash 0 of 5", virtual_board.console_text[-3000:]


def test_a_clock_of_2099_does_no_lasting_harm(authority, virtual_board, tmp_path):  # noqa: F811
    source = """
import asyncio, machine, time
async def main(board):
    while not board.online:
        await asyncio.sleep_ms(100)
    machine.RTC().datetime((2099, 1, 1, 0, 0, 0, 0, 0))
    print("it is 2099")
    while True:
        await asyncio.sleep_ms(200)
        if time.gmtime()[0] < 2099:
            break
    print("it is", "another year")
"""
    fleet = Fleet(authority, authority.leaf(days=3650))
    try:
        fleet.deploy(virtual_board, tmp_path / "source", source)
        at = virtual_board.wait_for("it is 2099", 5)
        virtual_board.radio.drop()
        at = virtual_board.wait_for("it is another year", 10, at)
        virtual_board.wait_for("link: online", 10, at)
    finally:
        fleet.close()


def test_a_retired_board_goes_on_running_its_application(fleet, deploy):
    source = BLINK.replace("    while True:", "    print('app runs')\n    while True:")
    fleet.answers["register"] = (410, {"error": "retired"})
    board_is_off = pytest.raises(Exception, match="not-online")
    with board_is_off:
        deploy(source, wait_s=3)
    assert [json.loads(body or b"{}").get("product") for _, _, body in fleet.requests] == ["blink"]


def test_a_start_that_fails_is_kept_counted_and_reported(fleet, deploy):
    board = deploy(
        BLINK.replace(
            "    while True:",
            """
    import os
    if board.config.get("break"):
        os.rename("/slots/a/device/run.mpy", "/slots/a/device/real.mpy")
        with open("/slots/a/device/run.py", "w") as f:
            f.write(BROKEN)
        await board.reset()
    while True:""",
        )
        + '''
BROKEN = """
import os
try:
    os.stat("/once")
except OSError:
    open("/once", "w").close()
    raise ValueError("cannot start")
from device.real import main
"""
''',
        app={"break": True},
    )
    board.wait_for("ValueError: cannot start", 10)
    report = fleet.reports.get(timeout=15)
    assert (report["reason"], report["detail"]) == ("start-failed", "crash 1 of 5")
    assert "ValueError: cannot start" in report["traceback"]


# Update mode: the runtime without the application. What leads there is tested with the update.

WISHES = """
import asyncio, machine, os
async def main(board):
    print("app runs")
    while not board.online:
        await asyncio.sleep_ms(100)
    try:
        os.stat("/wished")
    except OSError:
        open("/wished", "w").close()
        await asyncio.sleep(1)
        machine.RTC().memory(b"MPFR\\1\\1\\1\\0")
        machine.reset()
    while True:
        await asyncio.sleep(1)
"""


MODE = """
import sys
import esp32, machine
from device.update import record
machine.RTC.stored = b"MPFR\\0\\1\\1\\0"
sys.path[:0] = given[0]
blank = record.blank
record.blank = lambda: dict(blank(), trial=given[1])
from device.run import Runtime
runtime = Runtime({}, b"")
print(runtime.mode, [row[0] for row in runtime._table()][4:])
print([name for name in ("application", "link", "pipe") if "device." + name in sys.modules])
"""


@pytest.mark.parametrize(
    ("path", "trial", "said"),
    (
        (["/slots/a"], "-", ["update ['update']", "[]"]),
        (
            ["/slots/a"],
            "a",
            ["trial ['trial', 'link', 'app']", "['application', 'link', 'pipe']"],
        ),
        ([], "-", ["golden ['link']", "['link', 'pipe']"]),
    ),
    ids=["active", "trial", "golden"],
)
def test_only_what_is_active_runs_in_update_mode_and_loads_nothing_else(on_board, path, trial, said):
    assert on_board(MODE, path, trial)[-2:] == said


@pytest.mark.parametrize(
    ("trial", "said"), (("-", "update 4096"), ("a", "trial -1")), ids=["update", "trial"]
)
def test_garbage_is_collected_sooner_in_update_mode(on_board, trial, said):
    script = "import gc\ngc.threshold(-1)\n" + MODE + "print(runtime.mode, gc.threshold())"
    assert on_board(script, ["/slots/a"], trial)[-1] == said


def test_update_mode_says_so_and_ends_with_the_first_talk(fleet, deploy):
    board = deploy(WISHES)
    start = board.wait_for("run: update", 10)
    at = board.wait_for("power: update mode is over", 20, start)
    assert "app runs" not in board.text_since(start)[: at - start]
    board.wait_for("app runs", 10, at)
    modes = [fleet.status.get(timeout=5).get("mode") for _ in range(fleet.status.qsize())]
    assert "update" not in modes  # MQTT's heap is the update's


def test_update_mode_without_contact_ends_in_time(fleet, deploy):
    board = deploy(WISHES, contact_s=2)
    board.radio.access_points[0].is_present = False
    at = board.wait_for("run: update", 10)
    at = board.wait_for("power: update mode is over", 20, at)
    board.wait_for("app runs", 10, at)


def test_a_power_cut_ends_update_mode(fleet, deploy):
    board = deploy(WISHES)
    board.radio.access_points[0].is_present = False
    at = board.wait_for("run: update", 10)
    board.power_off()
    board.power_on()
    at = board.wait_for("run: active", 10, at)
    board.wait_for("app runs", 10, at)


def test_an_unconfigured_board_says_what_to_do_and_stays_at_the_prompt(virtual_board):  # noqa: F811
    from host.builder import release, runtime
    from host.deploy.board import Board
    from host.deploy.files import Copier

    port = Board(virtual_board.port)
    port.stop()
    from host.deploy import agent

    port.run(agent.SOURCE)
    Copier(port).copy({f"/{p}": c for p, c in release.golden().items()}, lambda *_: None)
    Copier(port).copy({f"/{p}": c for p, c in runtime.starters().items()}, lambda *_: None)
    port.close()
    at = len(virtual_board.console_text)
    virtual_board.reset()
    at = virtual_board.wait_for("run `make deploy`", 10, at)
    virtual_board.wait_for(">>> ", 5, at)
