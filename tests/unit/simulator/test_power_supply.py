"""The power goes at any flash operation, and what was written until then is in flash."""

import pytest

from tests.boards import PROMPT, execute

WRITE = "f = open('x', 'w'); f.write('new' * 1000); f.close()"
READ = "print(open('x').read(3))"


def start(board):
    at = board.mark
    board.power_on()
    board.wait_for(PROMPT, since=at)


@pytest.fixture
def board(virtual_board):
    execute(virtual_board, "f = open('x', 'w'); f.write('old' * 1000); f.close()")
    return virtual_board


def test_a_cut_switches_the_board_off(board):
    board.cut_power_at(2)
    board.type(WRITE + "\r")
    assert (board.wait_for_cut(), board.is_on) == (True, False)


def test_a_cut_in_the_middle_leaves_a_torn_block(board):
    seen = []
    board.flash.cut_power_at(1, "middle")
    program = board.flash.program

    def watch(offset, data):
        seen.append((offset, data))
        program(offset, data)

    board.flash.program = watch
    board.flash.erase = lambda offset: None  # so that the cut comes at a program operation
    board.type(WRITE + "\r")
    board.wait_for_cut()
    offset, data = seen[0]
    half = len(data) // 2
    assert board.flash.read(offset, len(data)) == data[:half] + b"\xff" * half


@pytest.mark.parametrize("when", ("before", "middle", "after"))
@pytest.mark.parametrize("n", (1, 5, 9, 14))
def test_a_cut_leaves_the_old_file_or_the_new(board, n, when):
    board.cut_power_at(n, when)
    board.type(WRITE + "\r")
    board.wait_for_cut(1)
    board.power_off()
    start(board)
    assert execute(board, READ) in ("old\n", "new\n")


def test_a_cut_that_never_comes_is_forgotten_with_the_power(board):
    board.cut_power_at(10_000)
    board.power_off()
    start(board)
    assert (board.wait_for_cut(0), execute(board, READ)) == (False, "old\n")


def test_switching_off_kills_a_program_that_does_not_listen(board):
    board.type("while True: pass\r\r")
    board.power_off()
    assert not board.is_on


def test_a_switched_off_board_takes_no_notice_of_reset_causes(board):
    board.power_off()
    start(board)
    assert board.resets == [1, 1]


def test_programming_what_was_not_erased_is_refused_on_the_board_too(board):
    found = execute(
        board,
        "from esp32 import Partition\np = Partition('ota_1')\np.writeblocks(0, b'\\0', 0)\n"
        "try:\n    p.writeblocks(0, b'\\1', 0)\nexcept OSError as e:\n    print(e)",
    )
    assert found == "[Errno 5] EIO: programming 1 bytes at 0x190000 without erasing them first\n"
