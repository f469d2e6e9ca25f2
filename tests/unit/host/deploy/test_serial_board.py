"""A port that is no board: each says so with its word."""

import os
import pty

import pytest

from host.deploy import board
from host.deploy.errors import DeployError


@pytest.fixture
def port():
    """A terminal that nobody answers on."""
    master, slave = pty.openpty()
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


@pytest.fixture
def is_quick(monkeypatch):
    """Nobody is waited for long."""
    monkeypatch.setattr(board, "_STOP_WAITS_S", (0.05,))
    monkeypatch.setattr(board, "_READ_S", 0.02)


def word_of(action, *args):
    with pytest.raises(DeployError) as caught:
        action(*args)
    return caught.value.code


def test_a_port_that_is_not_there(tmp_path):
    assert word_of(board.Board, str(tmp_path / "ttyUSB9")) == "no-such-port"


def test_a_file_is_no_port(tmp_path):
    (tmp_path / "file").touch()
    assert word_of(board.Board, str(tmp_path / "file")) == "no-such-port"


def test_a_port_in_use(port):
    first = board.Board(port)
    assert word_of(board.Board, port) == "port-in-use"
    first.close()


def test_a_port_that_one_may_not_use():
    assert board._refusal("/dev/ttyUSB0", PermissionError(13, "no")).code == "no-permission"


@pytest.mark.usefixtures("is_quick")
def test_a_port_on_which_nothing_answers(port):
    silent = board.Board(port)
    with pytest.raises(DeployError, match=r"nothing answers .*\(no-repl\)"):
        silent.stop()
    silent.close()


ERRORS = {  # traceback, word, text
    "full": ("Traceback (most recent call last):\nOSError: [Errno 28] ENOSPC", "storage-full", ""),
    "other": ("Traceback:\n  File\nValueError: x", "board-raised", "ValueError: x"),
}


@pytest.mark.parametrize(("traceback", "word", "text"), ERRORS.values(), ids=ERRORS)
def test_what_the_board_raises_is_one_line(traceback, word, text):
    error = board.board_error(traceback)
    assert (error.code, text in str(error)) == (word, True)
