"""A port that is no board: each says so with its word."""

import os
import pty
import socket
import subprocess
import sys
import threading
import tty

import pytest

from host.deploy import board, ports
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


def test_who_holds_a_port_is_named(port):
    code = f"import serial, sys; p = serial.Serial({port!r}, exclusive=True); print(1, flush=True)"
    code += "; sys.stdin.read()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with pytest.raises(DeployError, match=rf"\(process {other.pid}\)"):
            board.Board(port)
        other.communicate()


def test_no_port_at_all(monkeypatch):
    monkeypatch.setattr(ports, "found", list)
    assert word_of(ports.only) == "no-port"


def test_several_ports_are_listed(monkeypatch):
    two = [ports.Found("/dev/ttyUSB0", "CP2102"), ports.Found("/dev/ttyUSB1", "CH340")]
    monkeypatch.setattr(ports, "found", lambda: two)
    with pytest.raises(DeployError, match=r"ttyUSB0 \(CP2102\), /dev/ttyUSB1 \(CH340\)"):
        ports.only()


LINES = {"socket://127.0.0.1:1": False, "rfc2217://127.0.0.1:1": True, "/dev/ttyUSB0": True}


@pytest.mark.parametrize(("path", "has_reset"), LINES.items(), ids=LINES)
def test_a_port_has_reset_lines_or_not(path, has_reset):
    assert ports.has_reset(path) == has_reset


def test_a_pty_has_no_reset_lines(port):
    assert not ports.has_reset(port)


@pytest.mark.parametrize("scheme", ("socket", "rfc2217"))
def test_a_network_port_where_nobody_listens(scheme):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"{scheme}://127.0.0.1:{nobody.getsockname()[1]}"
        assert word_of(board.Board, url) == "no-such-port"


def test_a_port_that_one_may_not_use():
    assert ports.refusal("/dev/ttyUSB0", PermissionError(13, "no")).code == "no-permission"


@pytest.mark.usefixtures("is_quick")
def test_a_port_on_which_nothing_answers(port):
    silent = board.Board(port)
    with pytest.raises(DeployError, match=r"nothing answers .*\(no-repl\)"):
        silent.stop()
    silent.close()


SCRIPTS = {  # what other programs on the port say all the time, word
    "boot loop": (b"ets Jul 29 2019 12:21:46\r\nrst:0x3 (SW_RESET),boot:0x13\r\n", "boot-loop"),
    "Arduino": (b"Sensor value: 512\r\n", "not-micropython"),
    "CircuitPython": (b"Adafruit CircuitPython 9.2.1\r\n", "not-micropython"),
}


@pytest.mark.usefixtures("is_quick")
@pytest.mark.parametrize(("line", "word"), SCRIPTS.values(), ids=SCRIPTS)
def test_a_port_on_which_another_program_talks(line, word):
    master, slave = pty.openpty()
    tty.setraw(slave)
    talking = threading.Event()
    talker = threading.Thread(target=_talk, args=(master, line, talking))
    talker.start()
    found = board.Board(os.ttyname(slave))
    assert word_of(found.stop) == word
    found.close()
    talking.set()
    talker.join()
    os.close(slave)
    os.close(master)


def _talk(port, line, is_over):
    while not is_over.wait(0.005):
        os.write(port, line)


ERRORS = {  # traceback, word, text
    "full": ("Traceback (most recent call last):\nOSError: [Errno 28] ENOSPC", "storage-full", ""),
    "other": ("Traceback:\n  File\nValueError: x", "board-raised", "ValueError: x"),
}


@pytest.mark.parametrize(("traceback", "word", "text"), ERRORS.values(), ids=ERRORS)
def test_what_the_board_raises_is_one_line(traceback, word, text):
    error = board.board_error(traceback)
    assert (error.code, text in str(error)) == (word, True)


@pytest.mark.usefixtures("is_quick")
def test_after_listening_answers_have_their_time_again(port):
    one = board.Board(port)
    one.heard(0.001)
    with pytest.raises(DeployError):
        one.stop()
    assert one._transport.serial.timeout == board._READ_S
    one.close()
