"""The author's loop on a virtual board: save, see it run, and what may come in between."""

import contextlib
import json
import select
import shutil
import signal
import socket
import threading

import pytest
import serial

from host.builder.errors import BuildError
from host.deploy import DeployError
from host.deploy.board import Board
from host.dev import Loop, slot, sources, virtual
from simulator import VirtualBoard
from tests.boards import PROMPT

APP = """
import asyncio


async def main(board):
    while True:
        print("app says", {word!r})
        await asyncio.sleep_ms(100)
"""
RAISES = "async def main(board):\n    raise ValueError('oops')\n"


class Author:
    """A person at the editor: for each text that shows up, what they do then; Ctrl-C at last."""

    def __init__(self, port, folder):
        self._loop = Loop(port, folder, self._hear, self._hear)
        self._steps = []
        self.seen = []

    def work(self, *steps):
        self._steps = list(steps)
        with contextlib.suppress(KeyboardInterrupt):
            self._loop.run()

    def _hear(self, text):
        self.seen.append(text)
        if self._steps and self._steps[0][0] in text:
            self._steps.pop(0)[1]()
        if not self._steps:
            raise KeyboardInterrupt


def nothing():
    """The person goes on reading."""


@pytest.fixture(autouse=True)
def _deadline():
    def end(*_):
        pytest.fail("what was waited for did not show up")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An app folder."""
    monkeypatch.chdir(tmp_path)
    return an_app(tmp_path)


def an_app(place):
    (place / "blink/app").mkdir(parents=True)
    description = {"product": "blink", "boards": ["ESP32_GENERIC"], "settings": {"pin": 5}}
    (place / "blink/mpfleet.json").write_text(json.dumps(description))
    save(place / "blink", "one")
    return place / "blink"


def save(folder, word, name="main.py"):
    (folder / "app" / name).write_text(APP.format(word=word))


@pytest.fixture(scope="module")
def flash(tmp_path_factory):
    """The flash of a board that was set up without a host, once for all."""
    place = tmp_path_factory.mktemp("board")
    folder = an_app(tmp_path_factory.mktemp("app"))
    with VirtualBoard(place) as board:
        board.power_on()
        board.wait_for(PROMPT)
        virtual.set_up(board.port, folder, lambda event: None)
        put(board, folder)
    return place / "flash.bin"


@pytest.fixture
def board(board_maker, flash, tmp_path):
    """A board that runs the first version of the app."""
    (tmp_path / "board").mkdir()
    shutil.copy(flash, tmp_path / "board/flash.bin")
    board = board_maker(folder=tmp_path / "board")
    board.power_on()
    board.wait_for("app says one")
    return board


@pytest.fixture
def author(board, folder):
    return Author(board.port, folder)


def held(board):
    """Files of slot a below app/ and of its own folder, as the board lists them."""
    port = Board(board.port)
    port.stop()
    port.run("import os, json")
    told = port.run("print(json.dumps([os.listdir('/slots/a/app'), os.listdir('/slots/a')]))")
    port.close()
    return [sorted(names) for names in json.loads(told)]


def test_what_is_saved_runs(author, folder):
    author.work(
        ("app says one", lambda: save(folder, "two")),
        ("app says two", lambda: save(folder, "three")),
        ("app says three", nothing),
    )
    assert [text for text in author.seen if "slot a: 1 copied" in text] != []


def test_a_traceback_names_the_line_in_the_editor(author, folder):
    author.work(
        ("app says one", lambda: (folder / "app/main.py").write_text(RAISES)),
        ("blink/app/main.py:2, in main", nothing),
        ("raise ValueError('oops')", nothing),
    )


def test_a_syntax_error_is_said_and_the_board_runs_on(author, folder, board):
    author.work(
        ("app says one", lambda: (folder / "app/main.py").write_text("x = 1\ny =\n")),
        ("blink/app/main.py:2: invalid syntax", lambda: save(folder, "two")),
        ("app says two", nothing),
    )
    at = next(n for n, text in enumerate(author.seen) if "invalid syntax" in text)
    puts = [text for text in author.seen[:at] if "copied" in text]
    assert len(puts) == 1


def test_a_file_that_was_deleted_goes_from_the_board(author, folder, board):
    save(folder, "x", "more.py")
    author.work(
        ("app says one", lambda: (folder / "app/more.py").unlink()),
        ("1 removed", nothing),
    )
    assert held(board)[0] == ["main.mpy"]


def test_settings_of_the_folder_reach_the_application(author, folder):
    (folder / "app/main.py").write_text(
        "async def main(board):\n    print('pin', board.config['pin'])"
    )
    author.work(("pin 5", nothing))


def test_what_differs_in_no_byte_restarts_nothing(author, folder):
    author.work(
        ("app says one", lambda: (folder / "notes.txt").write_text("x")),
        ("app says one", nothing),
        ("app says one", nothing),
        ("app says one", nothing),
        ("app says one", nothing),
    )
    assert len([text for text in author.seen if "restarted" in text]) == 1


def test_after_the_end_the_board_runs_the_application(author, folder, board):
    author.work(("app says one", nothing))
    assert board.wait_for("app says one", since=board.mark) > 0


def test_an_end_in_the_middle_of_a_copy_leaves_the_board_running(
    author, folder, board, monkeypatch
):
    def interrupted(self, code):
        if "/app/main.mpy" in code and "_begin" in code:
            self._transport.exec_raw_no_follow("import time\ntime.sleep(2)")
            raise KeyboardInterrupt
        return run(self, code)

    author.work(("app says one", nothing))
    again = Author(board.port, folder)
    save(folder, "two")
    run = Board.run
    monkeypatch.setattr(Board, "run", interrupted)
    at = board.mark
    again.work(("never", nothing))
    assert board.wait_for("app says one", since=at) > 0


def test_a_board_that_was_not_set_up_says_what_to_do(virtual_board, folder):
    with pytest.raises(DeployError, match="mpfleet deploy") as caught:
        Author(virtual_board.port, folder).work()
    assert caught.value.code == "not-set-up"


def test_without_main_py_nothing_is_copied(author, folder, board):
    (folder / "app/main.py").unlink()
    operations = board.flash.operations
    with pytest.raises(BuildError) as caught:
        author.work()
    assert (caught.value.code, board.flash.operations) == ("no-main", operations)


@pytest.mark.parametrize("operation", (1, 4, 8))
def test_a_power_cut_in_a_copy_leaves_a_board_that_starts_and_claims_no_release(
    board, folder, monkeypatch, operation
):
    seal(board)
    save(folder, "two")
    save(folder, "more", "more.py")
    board.cut_power_at(operation, "middle")
    with monkeypatch.context() as patch:
        patch.setattr("host.deploy.board._RUN_S", 0.5)  # a board without power never answers
        with pytest.raises(DeployError):
            put(board, folder)
    at = board.mark
    board.power_on()
    board.wait_for("run: active slot a release", since=at)
    number = board.text_since(at).partition("slot a release ")[2][:1]
    assert (number, "release.was" in held(board)[1]) in (("7", False), ("0", True))
    assert operation == 1 or number == "0"


def put(board, folder):
    port = Board(board.port)
    try:
        port.stop()
        slot.fill(port, sources.read(folder).files)
        port.restart()
    finally:
        port.close()


def seal(board):
    """What an update would have left: a release in slot a."""
    port = Board(board.port)
    port.stop()
    port.run("with open('/slots/a/release.json', 'w') as f:\n    f.write('{\"number\": 7}')")
    port.restart()
    port.close()


def test_a_board_that_holds_the_very_files_keeps_its_release(board, folder):
    seal(board)
    put(board, folder)
    assert "release.json" in held(board)[1]


class Cable:
    """A serial port over TCP, which can be pulled out and put back."""

    def __init__(self, port):
        self._serial = serial.Serial(port)
        with socket.create_server(("127.0.0.1", 0)) as chosen:
            self._address = chosen.getsockname()
        self.port = f"socket://127.0.0.1:{self._address[1]}"
        self.put_back()

    def put_back(self):
        self._is_in = True
        listener = socket.create_server(self._address)
        self._thread = threading.Thread(target=self._carry, args=[listener])
        self._thread.start()

    def pull(self):
        self._is_in = False
        self._thread.join()

    def close(self):
        self.pull()
        self._serial.close()

    def _carry(self, listener):
        listener.settimeout(0.05)
        with listener:
            while self._is_in:
                with contextlib.suppress(OSError), listener.accept()[0] as peer:
                    while self._is_in:
                        self._exchange(peer)

    def _exchange(self, peer):
        ready, _, _ = select.select([peer, self._serial], [], [], 0.05)
        if self._serial in ready:
            peer.sendall(self._serial.read(self._serial.in_waiting))
        if peer in ready:
            typed = peer.recv(4096)
            if not typed:
                raise ConnectionResetError
            self._serial.write(typed)


@pytest.fixture
def cable(board):
    """The board's port, with a cable in between."""
    cable = Cable(board.port)
    yield cable
    cable.close()


def test_a_port_that_goes_away_is_waited_for(cable, folder):
    author = Author(cable.port, folder)

    def pull():
        cable.pull()
        save(folder, "two")

    author.work(
        ("app says one", pull),
        ("went away", cable.put_back),
        ("is back", nothing),
        ("app says two", nothing),
    )
