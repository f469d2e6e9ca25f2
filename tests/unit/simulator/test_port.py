"""The serial port of a virtual board is one that unmodified mpremote works with."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.boards import PROMPT, execute

BUSY = "n = 0\nwhile True:\n    n += 1\n    x = [n] * 20\n"
ASLEEP = "import time\nprint('asl' + 'eep')\nwhile True:\n    time.sleep(100)\n"
NETWORKED = "import asyncio\nprint('asl' + 'eep')\nasyncio.run(asyncio.sleep(1000))\n"


def mpremote(board, *arguments):
    """Run mpremote on this board's port as a person would; returns what it printed."""
    command = [str(Path(sys.executable).with_name("mpremote")), "connect", board.port, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_mpremote_lists_the_board_s_files_only(virtual_board):
    assert mpremote(virtual_board, "fs", "ls").split() == ["ls", ":", "75", "boot.py"]


def test_mpremote_copies_both_ways(virtual_board, tmp_path):
    there, back = tmp_path / "there.bin", tmp_path / "back.bin"
    there.write_bytes(bytes(range(256)) * 20)
    mpremote(virtual_board, "fs", "cp", str(there), ":x.bin", "+", "fs", "cp", ":x.bin", str(back))
    assert back.read_bytes() == there.read_bytes()


def test_mpremote_runs_a_script(virtual_board, tmp_path):
    script = tmp_path / "script.py"
    script.write_text("print(6 * 7)")
    assert mpremote(virtual_board, "run", str(script)) == "42\n"


def test_mpremote_sets_the_clock(virtual_board):
    mpremote(virtual_board, "rtc", "--set")
    assert int(execute(virtual_board, "import time; print(time.gmtime()[0])")) >= 2024


def test_mpremote_soft_resets_without_running_main(virtual_board):
    execute(virtual_board, "f = open('main.py', 'w'); f.write('ran = 1'); f.close()")
    assert mpremote(virtual_board, "soft-reset", "exec", "print('ran' in globals())") == "False\n"


def test_mpremote_resets_hard(virtual_board):
    at = virtual_board.mark
    mpremote(virtual_board, "reset")
    virtual_board.wait_for(PROMPT, since=virtual_board.wait_for("rst:0x2", since=at))
    assert virtual_board.resets[-1] == 2


def test_mpremote_resumes_without_a_reset(virtual_board):
    execute(virtual_board, "kept = 5")
    assert mpremote(virtual_board, "resume", "exec", "print(kept)") == "5\n"


@pytest.mark.parametrize("program", (BUSY, ASLEEP, NETWORKED), ids=["busy", "asleep", "asyncio"])
def test_mpremote_interrupts_a_running_program_again_and_again(virtual_board, program):
    execute(virtual_board, f"f = open('main.py', 'w'); f.write({program!r}); f.close()")
    for _ in range(2):
        at = virtual_board.mark
        virtual_board.reset()
        virtual_board.wait_for("rst:0x2", since=at)
        assert mpremote(virtual_board, "exec", "print('here')") == "here\n"


def test_ctrl_c_shows_where_the_program_was(virtual_board):
    board = virtual_board
    at = board.mark
    board.type("import time\rprint('go' + 'ing'); time.sleep(100)\r")
    at = board.wait_for("going", since=at)
    board.type("\x03")
    board.wait_for("KeyboardInterrupt", since=at)


def test_interrupts_do_no_harm_to_a_program_that_writes_files(virtual_board):
    board = virtual_board
    execute(
        board,
        "import machine\nt = machine.Timer(0, period=3, callback=lambda t: None)\n"
        "def work():\n    i = 0\n    print('be' + 'gun')\n    while True:\n        i += 1\n"
        "        with open('f%d' % (i % 5), 'w') as f:\n"
        "            f.write('x' * (i * 37 % 3000))\n"
        "        l = [bytearray(100) for _ in range(50)]\n",
    )
    for _ in range(25):
        at = board.mark
        board.type("work()\r")
        at = board.wait_for("begun", since=at)
        board.type("\x03")
        board.wait_for(PROMPT, since=board.wait_for("KeyboardInterrupt", since=at))
    execute(board, "t.deinit()")
    assert "OSError" not in board.console_text
    assert "Error: name" not in board.console_text


def test_the_port_stays_the_same_over_resets_and_power(virtual_board):
    before = virtual_board.port
    virtual_board.reset()
    virtual_board.power_off()
    virtual_board.power_on()
    assert virtual_board.port == before


def test_a_board_nobody_listens_to_goes_on(virtual_board):
    execute(virtual_board, "for n in range(30000): print('nobody reads this line')", timeout=20)
    assert execute(virtual_board, "print('still here')") == "still here\n"


def test_the_serial_log_is_kept_in_the_folder(virtual_board):
    execute(virtual_board, "print('for the lo' + 'g')")
    assert b"for the log" in (virtual_board.folder / "serial.log").read_bytes()


def test_what_is_typed_while_the_board_starts_is_not_lost(board_maker):
    board = board_maker()
    board.power_on()
    board.type("print('ear' + 'ly')\r")
    board.wait_for("early")
