"""Boards set up over their serial port: from nothing, again, interrupted, under a watchdog."""

import json
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from host.builder import release
from host.deploy import DeployError, Event, Network, Plan, deploy, firmware, libs
from tests.boards import PROMPT

APP = "import asyncio\n\n\nasync def main(board):\n    await asyncio.sleep(3600)\n"
HANG = "async def main(board):\n    print('app: hangs')\n    while True:\n        pass\n"


@dataclass
class Shelf:
    """A host of releases only; no board gets further than the serial port."""

    found: list = field(default_factory=list)
    tokens: int = 0
    devices: dict = field(default_factory=dict)
    renewed: list = field(default_factory=list)

    def releases(self, product):
        ours = (r for r in self.found if r.product == product)
        return [{"number": r.number, "state": "approved"} for r in ours]

    def manifest(self, product, number):
        return next(r.manifest for r in self.found if (r.product, r.number) == (product, number))

    def blob(self, sha256):
        return next(r.blobs[sha256] for r in self.found if sha256 in r.blobs)

    def enrolment_token(self, device_id=None):
        self.tokens += 1
        self.renewed += [device_id] if device_id else []
        return f"mpe_{self.tokens}"

    def find_device(self, device_id):
        return self.devices.get(device_id)


def a_release(folder: Path, source=APP, number=1):
    (folder / "app").mkdir(parents=True, exist_ok=True)
    description = {"product": "blink", "boards": ["ESP32_GENERIC"]}
    (folder / "mpfleet.json").write_text(json.dumps(description))
    (folder / "app/main.py").write_text(source)
    return release.build(folder, number, 1795000000)


@pytest.fixture
def shelf(tmp_path):
    """A host with release 1 of blink."""
    return Shelf([a_release(tmp_path / "blink")])


def a_plan(**changes):
    given = {
        "product": "blink",
        "addresses": ["127.0.0.1"],
        "port": 8443,
        "mqtt_port": 8883,
        "fleet": "mpfleet",
        "ca_der": b"no certificate: nobody connects here",
        "wifi": [Network("home", "secret12")],
        "model": "ESP32_GENERIC",
        "wait_s": 0,
    }
    return Plan(**{**given, **changes})


def ignore(event):
    """Nobody reads what it says."""


def no(_):
    """Nobody is there to agree."""
    return False


def set_up(board, shelf, report=ignore, ask=no, port=None, **changes):
    return deploy(port or board.port, a_plan(**changes), shelf, report, ask)


def interrupt_at(part):
    """A report at which somebody presses Ctrl-C when so much of the copying is done."""

    def report(event: Event):
        if event.step == "runtime" and event.total and event.done >= event.total * part:
            raise KeyboardInterrupt

    return report


def look(board, code):
    """What code prints on the board; it may import the golden runtime."""
    from host.deploy import agent
    from host.deploy.board import Board

    prompt = Board(board.port)
    prompt.stop()
    printed = prompt.run(agent.SOURCE + code)
    prompt.close()
    return json.loads(printed or "null")


WRITE = """
def write(path, text):
    with open(path, 'w') as f:
        f.write(text)
"""
STATUS = "\nfrom device.setup import status\nstatus()"


def test_a_bare_board_gets_all_it_needs(virtual_board, shelf):
    outcome = set_up(virtual_board, shelf, config={"poll_s": 60}, watchdog_s=61)
    assert (outcome.number, outcome.unchanged, outcome.removed) == (1, 0, 0)
    status = look(virtual_board, STATUS)
    wanted = {"id": outcome.device, "active": "a", "number": 1, "product": "blink"}
    wanted |= {"model": "ESP32_GENERIC", "has_host": True, "has_wifi": True}
    assert {name: status[name] for name in wanted} == wanted


def test_the_board_then_runs_its_release(virtual_board, shelf):
    set_up(virtual_board, shelf)
    assert virtual_board.wait_for("active slot a release 1") > 0
    assert virtual_board.wait_for("wifi: joined home") > 0


def test_a_second_time_nothing_is_copied(virtual_board, shelf):
    first = set_up(virtual_board, shelf)
    second = set_up(virtual_board, shelf)
    assert (second.copied, second.removed, second.number) == (0, 0, None)
    assert 0 < second.unchanged < first.copied


def test_what_changed_is_copied_and_what_is_stale_goes(virtual_board, shelf):
    set_up(virtual_board, shelf)
    look(virtual_board, WRITE + "\nwrite('/device/log.mpy', 'x')\nwrite('/device/old.py', 'x')")
    outcome = set_up(virtual_board, shelf)
    assert (outcome.copied, outcome.removed) == (1, 1)


@pytest.mark.parametrize("part", (0.0, 0.4, 1.0), ids=["at once", "halfway", "at the end"])
def test_an_interrupted_deploy_goes_on_where_it_was(virtual_board, shelf, part):
    with pytest.raises(KeyboardInterrupt):
        set_up(virtual_board, shelf, interrupt_at(part))
    outcome = set_up(virtual_board, shelf)
    assert (outcome.number, outcome.unchanged > 0) == (1, part > 0)
    assert virtual_board.wait_for("active slot a release 1") > 0


@pytest.mark.parametrize("operation", (40, 450))
def test_a_power_cut_during_a_deploy_costs_nothing(board_maker, shelf, monkeypatch, operation):
    board = board_maker()
    board.power_on()
    board.wait_for(PROMPT)
    board.cut_power_at(operation, "middle")
    with monkeypatch.context() as patch:
        patch.setattr("host.deploy.board._RUN_S", 2)  # a board without power never answers
        with pytest.raises(DeployError) as caught:
            set_up(board, shelf)
    assert caught.value.code in ("no-answer", "port-lost")
    board.power_on()
    assert set_up(board, shelf).number == 1
    assert board.wait_for("active slot a release 1") > 0


def test_an_app_that_hangs_under_its_watchdog_is_stopped(virtual_board, shelf, tmp_path):
    shelf.found = [a_release(tmp_path / "hang", HANG)]
    set_up(virtual_board, shelf, watchdog_s=2)
    virtual_board.wait_for("app: hangs")
    resets = len(virtual_board.resets)

    def wait_a_while(event):
        if event.step == "status":
            time.sleep(3)  # longer than the watchdog's period: boot.py's Timer must feed it

    outcome = set_up(virtual_board, shelf, wait_a_while, watchdog_s=2)
    assert outcome.copied == 0
    assert [cause for cause in virtual_board.resets[resets:] if cause == 3] == []


def test_a_program_of_ones_own_is_set_aside(virtual_board, shelf):
    look(virtual_board, WRITE + "\nwrite('/main.py', 'print(1)')")
    set_up(virtual_board, shelf)
    names = look(virtual_board, "\nprint(json.dumps(os.listdir('/')))")
    assert ("main.py.before-mpfleet" in names, "boot.py.before-mpfleet" in names) == (True, False)


def test_without_a_release_the_runtime_runs_alone(virtual_board):
    outcome = set_up(virtual_board, Shelf())
    assert outcome.number is None
    assert virtual_board.wait_for("run: golden") > 0


def test_a_release_that_is_not_there_is_refused(virtual_board, shelf):
    with pytest.raises(DeployError, match="no release 9"):
        set_up(virtual_board, shelf, number=9)


def test_a_release_for_other_boards_is_refused(virtual_board, shelf):
    with pytest.raises(DeployError, match="this board is a ESP32_GENERIC_S3"):
        set_up(virtual_board, shelf, model="ESP32_GENERIC_S3")


def test_an_unknown_model_is_asked_for(virtual_board, shelf):
    with pytest.raises(DeployError, match="--model"):
        set_up(virtual_board, shelf, model=None)
    set_up(virtual_board, shelf)
    assert set_up(virtual_board, shelf, model=None).copied == 0  # it knows it now


def test_a_board_that_is_the_users_already_gets_no_token(virtual_board, shelf):
    outcome = set_up(virtual_board, shelf)
    shelf.devices[outcome.device] = {"state": "claimed"}
    set_up(virtual_board, shelf)
    assert shelf.tokens == 1


def test_without_a_claim_no_token_is_asked_for(virtual_board, shelf):
    set_up(virtual_board, shelf, claims=False)
    assert shelf.tokens == 0


def test_a_board_that_stays_offline_says_why(virtual_board, shelf):
    with pytest.raises(DeployError, match="host: refused-connection") as caught:
        set_up(virtual_board, shelf, wait_s=2)
    assert caught.value.code == "not-online"


def test_a_full_flash_is_one_line(virtual_board, shelf):
    fill = "for n in range(999):\n        write('/mine%d' % n, 'x' * 4096)\n"
    fill = f"\ntry:\n    {fill}except OSError:\n    pass"
    look(virtual_board, WRITE + fill)
    with pytest.raises(DeployError) as caught:
        set_up(virtual_board, shelf)
    assert caught.value.code == "storage-full"


def test_a_deploy_is_quick(virtual_board, shelf):
    started = time.monotonic()
    set_up(virtual_board, shelf)
    assert time.monotonic() - started < 10


def without_aioble(monkeypatch, tmp_path):
    """A firmware that lacks aioble, as every one does, and an index out of reach."""
    monkeypatch.setattr(libs, "INDEX", "http://127.0.0.1:1")
    monkeypatch.setattr(libs, "_OURS", tmp_path / "lib")
    lacking = firmware.inspect

    def inspect(board):
        found = lacking(board)
        return replace(found, offers=found.offers - {"aioble"})

    monkeypatch.setattr("host.deploy.connect.inspect", inspect)


def test_without_bluetooths_library_a_board_is_set_up_all_the_same_and_told_so(
    virtual_board, shelf, monkeypatch, tmp_path
):
    without_aioble(monkeypatch, tmp_path)
    said = []
    deploy(virtual_board.port, a_plan(wifi=None), shelf, said.append)
    assert any("no Bluetooth" in e.text and "make libs" in e.text for e in said)
    virtual_board.wait_for("provisioning: as mpfleet-")


def test_a_bluetooth_that_was_asked_for_is_not_left_out(
    virtual_board, shelf, monkeypatch, tmp_path
):
    without_aioble(monkeypatch, tmp_path)
    with pytest.raises(DeployError, match="no-library"):
        deploy(virtual_board.port, a_plan(wifi=None, has_aioble=True), shelf, lambda _: None)
