"""Sixty boards, a release that fails on every fifth, and a host that is killed in the middle."""

import contextlib
import os
import signal
import ssl
import threading
from collections import Counter
from pathlib import Path

import pytest

from examples import fleet
from host.rig.process import free_port
from host.rollouts import waves
from tests import app_folders
from tests.light_boards import LightBoard

COUNT, REAL = 60, 2
FAILURES, IN_FLIGHT = 8, 12
PLAN = {"canary": 2, "waves": [30, 70], "success": 50, "soak_s": 0, "failures": FAILURES,
        "failure_rate": 100, "in_flight": IN_FLIGHT}  # fmt: skip
QUICK = {"trial_s": 8, "contact_s": 20, "poll_s": 10}
_NVS_NUMBER = 105
_APP = """
async def main(board):
    if board.config.get("is_bad"):
        raise ValueError(board.identity.id)
    board.log("runs")
"""


def ids():
    """The real boards' ids first."""
    return [f"240ac400{n:04x}" for n in range(1, COUNT + 1)]


def bad_ids():
    """Every fifth in the rollout's order of devices: no canary, and known beforehand."""
    return set(waves.order(ids(), "blink/2")[4::5])


class Served:
    """A host whose processes are killed and started again, always on the same ports."""

    def __init__(self, folder):
        self.folder, self.ports = folder, (free_port(), free_port())
        self.host = self.client = None

    def start(self):
        """Start it, and sign in."""
        with (self.folder / "log").open("a") as log:
            untried = ("--verification", "off")  # the gate has tests of its own
            self.host = fleet.Host(self.folder / "data", *self.ports, log, untried)
        self.host.wait_until_ready()
        self.client = self.host.sign_in()

    def kill(self):
        """kill -9, all of its processes, as when the power goes."""
        self.client.close()
        pid = self.host.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for one in (pid, *map(int, children)):
            os.killpg(one, signal.SIGKILL)  # each has a group of its own: web has workers
        self.host.wait()

    def stop(self):
        """End it as Ctrl-C does."""
        self.client.close()
        self.host.stop()


@pytest.fixture
def served(tmp_path):
    made = Served(tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def real_boards(tmp_path, served):
    """Boards that run MicroPython, online, with no release yet."""
    with contextlib.ExitStack() as stack:
        threads = []
        for n in range(REAL):
            board = stack.enter_context(fleet.new_board(tmp_path / f"board{n}", n + 1))
            board.nvs.set("mpfleet", "rollback", _NVS_NUMBER, (1).to_bytes(4, "little"))
            board.nvs.commit("mpfleet")  # deploy finds it out: tests/system/test_deploy_rollback
            board.power_on()
            app = {"is_bad": ids()[n] in bad_ids()}
            arguments = board, served.client, "blink", served.host
            threads.append(
                threading.Thread(target=fleet.set_up, args=arguments, kwargs={**QUICK, "app": app})
            )
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        yield


@pytest.fixture
def light_boards(served):
    """The others: they register by tokens, as deployed boards do."""
    ca = served.folder / "data" / "pki" / "ca.pem"
    tls = ssl.create_default_context(cafile=ca)
    boards = [
        LightBoard(one, served.ports[0], tls, "blink", one in bad_ids(), tells_twice=n % 5 == 0)
        for n, one in enumerate(ids()[REAL:])
    ]
    for board in boards:
        board.register(served.client.send("POST", "/enrolment-tokens")["token"])
        board.start()
    yield boards
    for board in boards:
        board.stop()


def publish(served):
    folder = app_folders.make(served.folder, _APP)
    return fleet.publish(served.client, folder, served.host.passphrase)


@pytest.fixture
def rollout(served, light_boards, real_boards):
    """The rollout, as the host shows it now."""
    number = publish(served)
    assert number == 2
    asked = {"product": "blink", "number": number, "plan": PLAN}
    path = f"/rollouts/{served.client.send('POST', '/rollouts', asked)['id']}"
    return lambda: served.client.get(path)


def ended(served, shown):
    """How each device of a rollout ended, by its id."""
    places = served.client.get(f"/rollouts/{shown['id']}/devices")
    return {one["device"]: one["state"] for one in places}


def test_it_pauses_within_its_threshold_and_loses_nothing_when_the_host_is_killed(
    served, light_boards, rollout
):
    fleet.wait_for("some have it", lambda: rollout()["done"] >= 5, 60)
    served.kill()
    served.start()
    fleet.wait_for("its pause", lambda: rollout()["state"] == "paused", 60)
    fleet.wait_for("what was begun has ended", lambda: not rollout()["open"], 60)
    paused = rollout()
    assert paused["why"] == "failures"
    assert FAILURES <= paused["failed"] < FAILURES + IN_FLIGHT
    alike = [one["count"] for one in paused["failures"] if one["reason"] == "app-raised"]
    assert max(alike) >= FAILURES - 1  # one line; a real board's traceback has lines of its own

    served.client.send("POST", f"/rollouts/{paused['id']}/resume")
    fleet.wait_for("its end", lambda: rollout()["state"] == "finished", 90)
    bad = bad_ids()
    expected = {one: "failed" if one in bad else "done" for one in ids()}
    assert ended(served, paused) == expected
    runs = {one["id"]: one["number"] for one in served.client.devices()}
    assert {one for one, number in runs.items() if number == 2} == set(ids()) - bad
    ran = {board.device_id: board.ran for board in light_boards}
    assert ran == {one: [1, 2, 1] if one in bad else [1, 2] for one in ids()[REAL:]}
    assert Counter(map(len, (board.told for board in light_boards))) == {1: COUNT - REAL}
