"""The serial console of a board: read all the time, kept in a file, let go for a deploy."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import serial

from host.rig.errors import Interrupted, RigError
from simulator.transcript import Transcript

_BAUD = 115200
_READ_S = 0.05
_SLICE_S = 0.5  # between two looks at whether a person pressed Ctrl-C
_REOPEN_S = 0.3  # chips with USB of their own take their port away while they reset
_PULSE_S = 0.1
_OPEN_S = 5.0


class Console:
    """`port` is called for the port's name: an emulator's changes when it starts anew."""

    def __init__(self, port: Callable[[], str], log: Path, is_over: threading.Event) -> None:
        self._port, self._is_over = port, is_over
        log.parent.mkdir(parents=True, exist_ok=True)
        self._transcript = Transcript(log)
        self._serial: serial.SerialBase | None = None
        self._reader: threading.Thread | None = None
        self._stops = threading.Event()
        self.on_text: Callable[[bytes], None] | None = None  # called with every piece

    def open(self) -> None:
        """Begin to read; harmless while it does."""
        if self._reader is None:
            self._stops.clear()
            self._reader = threading.Thread(target=self._read, daemon=True)
            self._reader.start()

    def release(self) -> None:
        """Let go of the port."""
        if self._reader is not None:
            self._stops.set()
            self._reader.join()
            self._reader = None

    @contextlib.contextmanager
    def released(self) -> Iterator[None]:
        """Another reads the port for a while."""
        self.release()
        try:
            yield
        finally:
            self.open()

    def close(self) -> None:
        """Let go of the port and the file."""
        self.release()
        self._transcript.close()

    def note(self, line: str) -> None:
        """Keep a line that another heard."""
        self._heard(line.encode() + b"\n")

    @property
    def mark(self) -> int:
        """How much came so far, for the `since` of `wait_for`."""
        return self._transcript.mark

    def since(self, mark: int) -> str:
        """What came after a mark."""
        return self._transcript.since(mark)

    def wait_for(self, text: str, timeout_s: float, since: int) -> int:
        """Wait until a text came after a mark; returns the mark at its end.

        Raises:
            TimeoutError: with what came instead.
            Interrupted: by a person.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            if self._is_over.is_set():
                raise Interrupted
            left = deadline - time.monotonic()
            try:
                return self._transcript.wait_for(text, max(0, min(left, _SLICE_S)), since)
            except TimeoutError:
                if left <= _SLICE_S:
                    said = " | ".join(self.tail(since)) or "nothing"
                    limit = f"no {text!r} within {timeout_s:.0f} s"
                    raise TimeoutError(f"{limit}; the board said: {said}") from None

    def tail(self, since: int = 0) -> list[str]:
        """The last lines that came after a mark."""
        return [line.strip() for line in self.since(since).splitlines() if line.strip()][-3:]

    def pulse_reset(self) -> bool:
        """Pull the board's reset line, as esptool does; False where the port has none.

        Raises:
            RigError: `port-lost`.
        """
        if self._port().startswith("socket://"):
            return False
        port = self._opened_port()
        try:
            port.rts = True
            time.sleep(_PULSE_S)
            port.rts = False
        except OSError as error:
            if error.errno is not None:  # a pty: it has no such line
                return False
            raise RigError("port-lost", f"{self._port()}: {error}") from error
        return True

    def _opened_port(self) -> serial.SerialBase:
        deadline = time.monotonic() + _OPEN_S
        while (port := self._serial) is None:
            if time.monotonic() > deadline:
                raise RigError("port-lost", f"{self._port()} cannot be opened")
            time.sleep(_READ_S)
        return port

    def _read(self) -> None:
        while not self._stops.is_set():
            try:
                if self._serial is None:
                    self._serial = _opened(self._port())
                self._heard(self._serial.read(self._serial.in_waiting or 1))
            except (OSError, ValueError):
                self._hang_up()
                self._stops.wait(_REOPEN_S)
        self._hang_up()

    def _hang_up(self) -> None:
        if self._serial is not None:
            with contextlib.suppress(OSError):
                self._serial.close()
            self._serial = None

    def _heard(self, data: bytes) -> None:
        if data:
            self._transcript.write(data)
            if self.on_text:
                self.on_text(data)


def _opened(port: str) -> serial.SerialBase:
    """The port, opened without a pull at the board's reset line."""
    found = serial.serial_for_url(port, _BAUD, timeout=_READ_S, do_not_open=True)
    found.dtr = found.rts = False
    found.open()
    return found
