"""Boot record, journal, otadata and power cuts together, walked by Hypothesis.

It looks for a way to *neither*, *mixed*, *for ever* or *false success* (docs/DESIGN.md section 3).
"""

import sys

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests import exploring
from tests.stateful import world as worlds

APPS = ("", "raises", "hangs", "resets")
FIRMWARES = (None, "", "panic", "no-wifi", "hang")
HOW = ("before", "middle", "after")
CUTS = st.lists(st.tuples(st.integers(1, 40), st.sampled_from(HOW)), max_size=3)


@pytest.fixture(autouse=True)
def _micropython(monkeypatch):
    for name, module in worlds.PATCHES.items():
        monkeypatch.setitem(sys.modules, name, module)
    for name in ("machine", "esp32"):
        monkeypatch.setitem(sys.modules, name, None)
    for module, name, value in worlds.on_micropython():
        monkeypatch.setattr(module, name, value, raising=False)
    yield
    from device.update import record

    if "open" in vars(record):
        del record.open


def a_board():
    from tests.stateful.life import Board

    return Board()


class Update(RuleBasedStateMachine):
    """A board and what may happen to it."""

    @initialize()
    def begin(self):
        self.board = a_board()
        self.board.go()

    @rule(app=st.sampled_from(APPS), firmware=st.sampled_from(FIRMWARES), cuts=CUTS)
    def update(self, app, firmware, cuts):
        self.board.assign(app, firmware)
        self.board.go(cuts)

    @rule(cuts=CUTS)
    def lose_power(self, cuts):
        self.board.go(cuts)

    @rule(cuts=CUTS)
    def lose_the_network_for_a_while(self, cuts):
        self.board.has_network = False
        self.board.go(cuts)
        self.board.has_network = True

    @rule(times=st.integers(1, 6))
    def crash(self, times):
        self.board.crash(times)

    @rule()
    def flash_over_usb(self):
        world = self.board.world
        world.behaviours["foreign"] = ""
        world.images[world.running] = "foreign"
        self.board.has_excuse = True
        self.board.go()

    @rule(cuts=CUTS)
    def abort_both_records(self, cuts):
        self.board.world.abort_both()
        self.board.has_excuse = True  # ota_0 may hold no firmware of ours
        self.board.go(cuts)

    def teardown(self):
        if not hasattr(self, "board"):
            return
        for _ in range(2):
            self.board.assign("", "")
            self.board.go()
        number = max(self.board.releases)
        assert self.board.runs == (number, f"image{number}"), "a good release does not get there"
        assert (number, "done", None) in self.board.reported


def walk(machine, examples, **more):
    chosen = settings(
        max_examples=examples,
        stateful_step_count=12,
        suppress_health_check=list(HealthCheck),
        **more,
    )
    run_state_machine_as_test(machine, settings=chosen)


def test_no_way_leads_to_neither_mixed_for_ever_or_false_success():
    walk(Update, exploring.examples(250))


# The check is able to fail: each of these is caught.


def ignore_the_firmware(board, monkeypatch):
    board.boot.fits = lambda r, prefix, running: True


def count_no_starts(board, monkeypatch):
    board.boot.keep = lambda r: True


def count_no_activations(board, monkeypatch):
    from device.update.record import BootRecord

    change = BootRecord.change

    def keep_activations(self, **changes):
        changes.pop("activations", None) if len(changes) == 1 else None
        change(self, **changes)

    monkeypatch.setattr(BootRecord, "change", keep_activations)


def rewrite_the_record_in_place(board, monkeypatch):
    from device.update.record import BootRecord

    monkeypatch.setattr(BootRecord, "_path", lambda self, half: "/state/boot0")


def begin_the_trial_before_staging(board, monkeypatch):
    from device.update.client import Client

    stage = Client._stage

    async def early(self):
        expected = (await self._open_parts()).expected
        self._make_trial().begin(self._record.idle, self._journal["number"], expected)
        await stage(self)

    monkeypatch.setattr(Client, "_stage", early)


def say_done_before_it_is_committed(board, monkeypatch):
    from device.update.trial import Trial

    finish = Trial._finish

    def early(self):
        self._report("done", "commit")
        finish(self)

    monkeypatch.setattr(Trial, "_finish", early)


def forget_the_bound_of_what_is_spared(board, monkeypatch):
    from device.update import trial

    monkeypatch.setattr(trial, "ending", lambda reason, spared: ("failed", False))


FAULTS = (
    ignore_the_firmware,
    count_no_starts,
    count_no_activations,
    rewrite_the_record_in_place,
    begin_the_trial_before_staging,
    say_done_before_it_is_committed,
    forget_the_bound_of_what_is_spared,
)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault):
    class Faulty(Update):
        @initialize()
        def begin(self):
            planted.undo()  # a fault planted in each walk anew would lie upon the last one's
            self.board = a_board()
            fault(self.board, planted)

    with pytest.MonkeyPatch.context() as planted, pytest.raises(AssertionError):
        walk(Faulty, 3000, phases=(Phase.generate,), report_multiple_bugs=False)
