"""How DTR and RTS reset a virtual board."""

import pytest

from simulator.auto_reset import LEVELS, AutoReset
from simulator.pins import BUTTON, Pins

NEITHER, RTS, DTR, BOTH = (False, False), (False, True), (True, False), (True, True)


@pytest.mark.parametrize(
    ("lines", "levels"), ((NEITHER, (1, 1)), (RTS, (0, 1)), (DTR, (1, 0)), (BOTH, (1, 1)))
)
def test_each_line_alone_pulls_one_pin_down(lines, levels):
    assert LEVELS[lines] == levels


class Machine:
    """Says with what level of IO0 it came out of reset."""

    def __init__(self, pins):
        self._pins = pins
        self._is_held = False
        self.starts = []

    def hold(self):
        self._is_held = True

    def release(self):
        if self._is_held:
            self._is_held = False
            self.starts.append(self._pins.level(BUTTON))


class Loop:
    """Timers that run out by hand."""

    def __init__(self):
        self.function = None

    def after(self, seconds, function):
        self.function = function
        return self

    def cancel(self):
        self.function = None


def wiggle(*changes):
    """(levels of IO0 at each start, the loop) after these changes of (DTR, RTS)."""
    loop, pins = Loop(), Pins(lambda event: None)
    machine = Machine(pins)
    auto_reset = AutoReset(loop, pins, machine)
    for dtr, rts in changes:
        auto_reset.set(dtr, rts)
    return machine.starts, loop


@pytest.mark.parametrize(
    ("changes", "starts"),
    (
        ((RTS,), []),
        ((RTS, NEITHER), [1]),
        ((RTS, DTR), [0]),
        ((RTS, BOTH), []),
        ((RTS, BOTH, DTR), [0]),
        ((RTS, BOTH, DTR, NEITHER), [0]),
        ((RTS, BOTH, NEITHER), [1]),
        ((RTS, BOTH, RTS, NEITHER), [1]),
        ((DTR, BOTH, DTR, NEITHER), []),
    ),
)
def test_a_board_starts_by_the_level_of_io0_when_en_rises(changes, starts):
    assert wiggle(*changes)[0] == starts


def test_en_rises_by_itself_when_both_lines_stay_asserted():
    starts, loop = wiggle(RTS, BOTH)
    loop.function()
    assert starts == [1]


def test_a_line_that_moves_before_en_rose_stops_it_from_rising():
    _, loop = wiggle(RTS, BOTH, RTS)
    assert loop.function is None
