"""How a board gets from one state to another, and what happens where it does not."""

import pytest

from host.rig.board import Board
from host.rig.errors import BoardBrokenError, RigError
from host.rig.strategy import STATES, route


@pytest.mark.parametrize(
    ("current", "wanted", "states"),
    (
        ("off", "online", ["powered", "repl", "deployed", "online"]),
        ("deployed", "online", ["online"]),
        ("online", "online", []),
        ("online", "repl", ["off", "powered", "repl"]),
        ("powered", "off", ["off"]),
    ),
)
def test_states_follow_one_another(current, wanted, states):
    assert [state for _, state in route(current, wanted)] == states


def test_a_state_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="asleep"):
        route("off", "asleep")


def test_every_step_is_one_of_the_board():
    steps = {step for a in STATES for b in STATES for step, _ in route(a, b)}
    assert [step for step in steps if not hasattr(Board, f"_{step}")] == []


class Unwilling(Board):
    """A board on which nothing answers."""

    def __init__(self):
        self.name, self.state, self.stops = "desk", "off", 0
        self._broken = None

    def _switch_on(self):
        """It has power."""

    def _stop(self):
        self.stops += 1
        raise RigError("no-repl", "nothing answers on /dev/ttyUSB0")


def test_a_broken_board_fails_with_its_cause_and_is_not_tried_again():
    board = Unwilling()
    said = set()
    for _ in range(9):
        with pytest.raises(BoardBrokenError) as caught:
            board.bring_to("online")
        said.add(str(caught.value))
    assert board.stops == 1
    assert said == {
        "desk does not get from powered to repl: nothing answers on /dev/ttyUSB0 (no-repl) "
        "(board-broken)"
    }
