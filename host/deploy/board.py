"""A board on a serial port, in MicroPython's raw REPL."""

import contextlib
import errno
import io
import os
import struct
import time
from collections.abc import Iterator

import serial
from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport
from serial.tools import list_ports

from host.deploy.errors import DeployError

_READ_S = 2.0  # no answer of the REPL itself takes longer; code that runs has a limit of its own
_RUN_S = 30.0  # a batch of files is hashed or copied in a few seconds
_STOP_WAITS_S = (2, 4, 8, 15)  # the first may meet a board that opening the port has just reset
_POKE_S = 0.1  # between two Ctrl-C: a board that is just starting may swallow the first
_GONE_S = 3.0  # a reset shows on the serial port within a second, or never


class Board:
    """Code runs on it one piece at a time."""

    def __init__(self, port: str) -> None:
        self.port = os.path.realpath(port) if port.startswith("/") else port
        self._transport = _open(self.port)
        self._heard = b""  # of what the board prints after a reset

    def stop(self) -> None:
        """Stop what runs and soft-reset into the raw REPL, where boot.py feeds the watchdog.

        Raises:
            DeployError: `no-repl`, or `port-lost`.
        """
        said = ""
        for wait_s in _STOP_WAITS_S:
            try:
                with _lost_port(self.port), contextlib.redirect_stdout(io.StringIO()) as printed:
                    self._transport.serial.write(b"\r\x03")
                    time.sleep(_POKE_S)
                    self._transport.enter_raw_repl(timeout_overall=wait_s)
                return
            except TransportError:
                said = printed.getvalue()  # mpremote prints what the board said instead
        raise _no_repl(self.port, said)

    def run(self, code: str) -> str:
        """Run code on the board; what it printed.

        Raises:
            DeployError: `board-raised` with the exception, `no-answer`, or `port-lost`.
        """
        with _lost_port(self.port), contextlib.redirect_stdout(io.StringIO()):
            try:
                printed, raised = self._transport.exec_raw(code, timeout=_RUN_S)
            except (TransportError, struct.error) as error:
                raise DeployError(
                    "no-answer", f"the board stopped answering on {self.port}", _REPEAT
                ) from error
        if raised:
            raise board_error(raised.decode(errors="replace"))
        return printed.decode(errors="replace")

    def reset(self, code: str) -> None:
        """Run code that ends in a reset, and see it begin."""
        with _lost_port(self.port):
            self._transport.exec_raw_no_follow(code)
        self._transport.in_raw_repl = False
        end = time.monotonic() + _GONE_S
        while not self._heard and time.monotonic() < end:
            self._heard = self._read(0.2)

    def lines(self, limit_s: float) -> Iterator[str]:
        """What the board prints from now on, line by line, for so long."""
        end = time.monotonic() + limit_s
        pending, self._heard = self._heard, b""
        while (left := end - time.monotonic()) > 0:
            pending += self._read(min(left, 0.2))
            *whole, pending = pending.split(b"\n")
            for line in whole:
                yield line.strip(b"\r\x04").decode(errors="replace")

    def close(self) -> None:
        """Let go of the port."""
        with contextlib.suppress(OSError):  # it may be gone already
            self._transport.close()

    def _read(self, wait_s: float) -> bytes:
        port = self._transport.serial
        try:
            if port.timeout != wait_s:  # rfc2217:// negotiates anew each time
                port.timeout = wait_s
            return port.read(max(1, port.in_waiting))
        except OSError:
            # Chips with USB of their own take their port away while they reset.
            self.close()
            time.sleep(wait_s)
            with contextlib.suppress(DeployError):
                self._transport = _open(self.port)
            return b""


_REPEAT = "check the cable, then deploy again: what is already there is not copied twice"


def _open(port: str) -> SerialTransport:
    try:
        return SerialTransport(port, timeout=_READ_S)
    except TransportError as error:  # says only that it failed
        raise _why_closed(port) from error


def _why_closed(port: str) -> DeployError:
    """The reason that opening a port again gives."""
    if port.startswith("/") and not os.path.exists(port):
        there = ", ".join(p.device for p in list_ports.comports()) or "none"
        return DeployError("no-such-port", f"there is no port {port}", f"ports here: {there}")
    try:
        serial.serial_for_url(port, exclusive=True).close()
    except (OSError, ValueError) as error:
        return _refusal(port, error)
    return DeployError("port-lost", f"{port} could not be opened", "try again")


def _refusal(port: str, error: Exception) -> DeployError:
    number = getattr(error, "errno", None)
    if number in (errno.EACCES, errno.EPERM):
        advice = "sudo usermod -aG dialout $USER, then sign in again"
        return DeployError("no-permission", f"you may not use {port}", advice)
    if number == errno.EBUSY or "exclusively lock" in str(error):
        advice = "close the other program (mpremote, a serial monitor, another deploy)"
        return DeployError("port-in-use", f"{port} is in use", advice)
    return DeployError("no-such-port", f"{port} is no serial port: {error}")


@contextlib.contextmanager
def _lost_port(port: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:  # pyserial's own errors are OSErrors too
        raise DeployError("port-lost", f"{port} went away: {error}", _REPEAT) from error


def _no_repl(port: str, said: str) -> DeployError:
    silent = said.strip() in ("", "b''")
    detail = "nothing answers" if silent else "what answers is no MicroPython prompt"
    advice = (
        "check that the board has power and runs MicroPython, press its reset button, try again"
    )
    return DeployError("no-repl", f"{detail} on {port}", advice)


def board_error(traceback: str) -> DeployError:
    """A traceback of the board as one line."""
    lines = [line.strip() for line in traceback.strip().splitlines()]
    last = lines[-1] if lines else "unknown"
    if "ENOSPC" in last or last == "OSError: 28":
        return DeployError(
            "storage-full", "the board's file system is full", "remove files of your own from it"
        )
    return DeployError("board-raised", f"the board says: {last}")
