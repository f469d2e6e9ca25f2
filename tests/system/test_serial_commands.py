"""`mpfleet logs` and `mpfleet repl` on a virtual board, as processes."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest

from host.deploy import ports


def mpfleet(*words, **streams):
    return subprocess.Popen([sys.executable, "-m", "host.cli", *words], **streams)


@pytest.fixture
def talking(virtual_board):
    """A board that says a word at each start."""
    virtual_board.type("f = open('main.py', 'w'); f.write('print(\"tick\")'); f.close()\r")
    virtual_board.wait_for("f.close()\r\n")
    virtual_board.wait_for(">>> ", since=virtual_board.mark - 4)
    return virtual_board


def next_tick(process):
    """The next line that is the board's word."""
    return next(line for line in process.stdout if b"tick" in line)


def test_logs_follow_a_board_over_resets_until_ctrl_c(talking):
    words = ("logs", "--port", talking.port, "--json")
    with mpfleet(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        _wait_until_open(talking.port, process.pid)
        for _ in range(2):
            talking.reset()
            assert json.loads(next_tick(process))["line"] == "tick"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
        assert process.returncode == 0


def _wait_until_open(port, pid):
    end = time.monotonic() + 10
    while f"(process {pid})" not in ports.holder(port):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_repl_types_at_a_board_and_ends_by_its_key(virtual_board):
    ours, theirs = pty.openpty()
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    with mpfleet("repl", "--port", virtual_board.port, **streams) as process:
        os.close(theirs)
        assert b"Use Ctrl-]" in _until(ours, b"exit this shell")
        os.write(ours, b"print(6 * 7)\r")
        assert b"42" in _until(ours, b"42\r\n")
        os.write(ours, b"\x1d")
        assert process.wait(10) == 0
    os.close(ours)


def _until(terminal, ending):
    heard = b""
    while ending not in heard:
        assert select.select([terminal], [], [], 10)[0], heard
        heard += os.read(terminal, 4096)
    return heard
