"""Fixtures with virtual boards, for any test that wants one.

In a conftest.py: `from tests.boards import virtual_board` (a board that is on, at its prompt) or
`from tests.boards import board_maker` (a function that makes boards with the arguments of VirtualBoard).
"""

import itertools

import pytest

from simulator import MicroPythonMissing, VirtualBoard
from simulator.chip import find_micropython

PROMPT = ">>> "


@pytest.fixture
def board_maker(tmp_path):
    """Makes boards, off and blank, and takes them apart after the test."""
    try:
        find_micropython()
    except MicroPythonMissing as error:
        pytest.skip(str(error))
    boards = []
    numbers = itertools.count(1)

    def make(**settings):
        n = next(numbers)
        settings.setdefault("unique_id", b"\x24\x6f\x28\x00\x00" + bytes([n]))
        folder = settings.pop("folder", tmp_path / f"board{n}")
        board = VirtualBoard(folder, **settings)
        boards.append(board)
        return board

    yield make
    for board in boards:
        board.close()


@pytest.fixture
def virtual_board(board_maker):
    """A bare board at its prompt."""
    board = board_maker()
    board.power_on()
    board.wait_for(PROMPT)
    return board
