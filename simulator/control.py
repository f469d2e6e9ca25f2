"""The line between the chip's process and its board: messages of a chip, each answered in turn.

A message is one packet:
`P` sequence offset data, `E` sequence offset — flash operations, answered by two bytes: 0, or 1
(refused: the call `flash_error` says why), and the sequence.
`J` and a JSON list [name, arguments…] — a call, answered with two packets: the length of the
second, and JSON [0, value] or [errno, text].
`N` — the same, no answer.
`V` — on this connection the board tells of events (timers, pins); `!` — the chip has taken one.
`C` — Ctrl-C came at a bad moment: again, please.
"""

import json
import os
import socket
import struct
import tempfile
from pathlib import Path

from simulator.flash import FlashError, PowerCut

_LARGEST = 64 * 1024
_SIGNALS = b"!C"
_OPERATION = struct.Struct("<BI")


class Later:
    """An answer that comes when it is ready: the call's function returns one, then somebody calls
    `answer`.
    """

    def __init__(self):
        self._send = None
        self._early = None

    def answer(self, value=None, error=None):
        """Give the value, or an OSError."""
        if self._send is None:
            self._early = (value, error)
        else:
            self._send(value, error)

    def send_by(self, send):
        """The control's own."""
        self._send = send
        if self._early is not None:
            send(*self._early)


class Control:
    """Listens for one chip at a time."""

    def __init__(self, loop, flash):
        self._loop = loop
        self._flash = flash
        self._calls = {}
        self._signals = {}
        self._when_cut = None
        self._folder = Path(tempfile.mkdtemp(prefix="board-"))
        self.path = str(self._folder / "control")
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(self.path)
        self._listener.listen(16)
        self._listener.setblocking(False)
        self._connections = set()
        self._events = None
        self.flash_error = ""
        loop.watch(self._listener, self._accept)

    def serve(self, calls, signals, when_cut):
        """Say what the chip can ask for: `calls` maps names to functions (an OSError they raise is
        raised in the chip), `signals` maps `!` and `C` to functions.
        """
        self._calls = calls
        self._signals = signals
        self._when_cut = when_cut

    def tell(self, event):
        """Tell the chip of an event (bytes), if it listens."""
        if self._events is not None:
            try:
                self._events.send(event)
            except OSError:
                self._events = (
                    None  # the chip is gone, or so busy that its events are lost, as on a board
                )

    def hang_up(self):
        """Forget the chip that was."""
        for connection in self._connections:
            self._loop.forget(connection)
            connection.close()
        self._connections.clear()
        self._events = None

    def close(self):
        """Listen no more."""
        self.hang_up()
        self._loop.forget(self._listener)
        self._listener.close()
        os.unlink(self.path)
        self._folder.rmdir()

    def _accept(self):
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        self._connections.add(connection)
        self._loop.watch(connection, lambda: self._receive(connection))

    def _receive(self, connection):
        try:
            message = connection.recv(_LARGEST)
        except BlockingIOError:
            return
        except OSError:
            message = b""
        if not message:
            self._loop.forget(connection)
            connection.close()
            self._connections.discard(connection)
            return
        try:
            self._handle(connection, message[:1], message[1:])
        except PowerCut:
            self._when_cut()

    def _handle(self, connection, kind, body):
        if kind in b"PE":
            _send(connection, self._operate(kind, body))
        elif kind in b"JN":
            self._call(connection if kind == b"J" else None, *json.loads(body))
        elif kind == b"V":
            self._events = connection
        elif kind in _SIGNALS:
            self._signals[kind]()

    def _operate(self, kind, body):
        sequence, offset = _OPERATION.unpack_from(body)
        try:
            if kind == b"E":
                self._flash.erase(offset)
            else:
                self._flash.program(offset, body[_OPERATION.size :])
        except FlashError as error:
            self.flash_error = str(error)
            return bytes([1, sequence])
        return bytes([0, sequence])

    def _call(self, connection, name, *args):
        def send(value, error):
            answer = (
                [0, value] if error is None else [error.errno or 1, error.strerror or str(error)]
            )
            data = json.dumps(answer).encode()
            _send(connection, len(data).to_bytes(2, "little"))
            _send(connection, data)

        try:
            value = self._calls[name](*args)
        except OSError as error:
            value, failure = None, error
        else:
            failure = None
        if isinstance(value, Later) and connection is not None:
            value.send_by(send)
        elif connection is not None:
            send(value, failure)


def _send(connection, answer):
    try:
        connection.send(answer)
    except OSError:
        return  # the chip was reset while its answer was on the way
