"""Fixtures with virtual boards, for any test that wants one.

In a conftest.py: `from tests.boards import board_maker, virtual_board`. `virtual_board` is a bare
board at its prompt; `board_maker` makes boards, with the arguments of VirtualBoard.
"""

import itertools

import pytest

from simulator import MicroPythonMissing, VirtualBoard
from simulator.chip import find_micropython

PROMPT = ">>> "


class BoardError(AssertionError):
    """The code raised on the board; the text is its traceback."""


def execute(board, code, timeout=10):
    """Run code on a board that is at its prompt, as mpremote would; returns what it printed.

    Raises: BoardError with the traceback.
    """
    at = board.mark
    board.type("\x01")
    at = board.wait_for("raw REPL; CTRL-B to exit\r\n>", timeout, at)
    board.type(code + "\x04")
    start = board.wait_for("OK", timeout, at)
    middle = board.wait_for("\x04", timeout, start)
    end = board.wait_for("\x04", timeout, middle)
    said = board.text_since(start)
    board.type("\x02")
    board.wait_for(PROMPT, timeout, end)
    output, error, _ = said.split("\x04", 2)
    if error:
        raise BoardError(error)
    return output.replace("\r\n", "\n")


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
