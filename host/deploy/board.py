"""A board on a serial port, in MicroPython's raw REPL."""

import contextlib
import socket
import struct
import time
from collections.abc import Iterator

from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

from host.deploy import diagnosis, ports
from host.deploy.errors import DeployError

_READ_S = 2.0  # no answer of the REPL itself takes longer; code that runs has a limit of its own
_RUN_S = 30.0  # a batch of files is hashed or copied in a few seconds
_STOP_WAITS_S = (2, 4, 8, 15)  # the first may meet a board that opening the port has just reset
_POKE_S = 0.1  # between two Ctrl-C: a board that is just starting may swallow the first
_REBOOTS = b"soft reboot"
_GONE_S = 3.0  # a reset shows on the serial port within a second, or never
_IDLE_S = 0.005
_RAW = b"raw REPL; CTRL-B to exit\r\n"


class Board:
    """Code runs on it one piece at a time."""

    def __init__(self, port: str, patience: float = 1.0) -> None:
        """`patience` multiplies how long it may take to answer."""
        self.port, self._patience = ports.real(port), patience
        self._transport = _open(self.port)
        self._heard = b""  # of what the board prints after a reset
        self.is_lost = False  # the port went away while it was listened to

    def stop(self, soft_reset: bool = True) -> None:
        """Stop what runs and enter the raw REPL, by a soft reset: then boot.py feeds the watchdog.

        Raises:
            DeployError: what the board does instead (`diagnosis`), or `port-lost`.
        """
        said = b""
        for wait_s in _STOP_WAITS_S:
            with ports.kept(self.port):
                is_in, heard = self._enter(wait_s * self._patience, soft_reset)
            if is_in:
                self._transport.in_raw_repl = True
                return
            said += heard
            if diagnosis.is_certain(diagnosis.of(self.port, said)):
                break
        raise diagnosis.of(self.port, said)

    def run(self, code: str) -> str:
        """Run code on the board; what it printed.

        Raises:
            DeployError: `board-raised` with the exception, `no-answer`, or `port-lost`.
        """
        with ports.kept(self.port):
            try:
                printed, raised = self._transport.exec_raw(code, timeout=_RUN_S * self._patience)
            except (TransportError, struct.error) as error:
                detail = f"the board stopped answering on {self.port}"
                raise DeployError("no-answer", detail, ports.AGAIN) from error
        if raised:
            raise board_error(raised.decode(errors="replace"))
        return printed.decode(errors="replace")

    def reset(self, code: str) -> None:
        """Run code that ends in a reset, and see it begin."""
        with ports.kept(self.port):
            self._transport.exec_raw_no_follow(code)
        self._transport.in_raw_repl = False
        end = time.monotonic() + _GONE_S
        while not self._heard and time.monotonic() < end:
            self._heard = self._read(0.2)

    def restart(self) -> None:
        """Leave the raw REPL by a soft reset, so that boot.py and main.py run."""
        with ports.kept(self.port):
            self._transport.exit_raw_repl()
            self._transport.serial.write(b"\x04")
        end = time.monotonic() + _GONE_S
        said = b""
        while _REBOOTS not in said and time.monotonic() < end:
            said += self._read(0.05)
        # what came before is the prompt's greeting, which nobody asked for
        _, found, after = said.partition(_REBOOTS)
        self._heard = after.lstrip(b"\r\n") if found else said

    def lines(self, limit_s: float) -> Iterator[str]:
        """What the board prints from now on, line by line, for so long."""
        end = time.monotonic() + limit_s
        while (left := end - time.monotonic()) > 0:
            yield from self.heard(min(left, 0.2))

    def heard(self, wait_s: float) -> list[str]:
        """The lines that are whole after waiting so long for more."""
        self._heard += self._read(wait_s)
        *whole, self._heard = self._heard.split(b"\n")
        return [line.strip(b"\r\x04").decode(errors="replace") for line in whole]

    def close(self) -> None:
        """Let go of the port, which may be gone already."""
        with contextlib.suppress(OSError):
            if "://" not in self.port:  # there each line that is lowered first may take seconds
                self._transport.close()
        wire = getattr(self._transport.serial, "_socket", None)
        with contextlib.suppress(OSError):
            self._transport.serial.close()
        if wire:  # pyserial forgets one whose other end was closed first
            wire.close()

    def _enter(self, wait_s: float, soft_reset: bool) -> tuple[bool, bytes]:
        """One try, as mpremote does it; and what the board said."""
        port = self._transport.serial
        if port.timeout != _READ_S:  # listening left another one
            port.timeout = _READ_S
        port.write(b"\r\x03")
        time.sleep(_POKE_S)
        port.write(b"\r\x03")
        said = port.read(port.in_waiting) if port.in_waiting else b""
        port.write(b"\r\x01")
        if soft_reset:
            heard = self._read_until(_RAW + b">", wait_s)
            if not heard.endswith(_RAW + b">"):
                return False, said + heard
            port.write(b"\x04")
            # What boot.py prints comes between this and the next prompt.
            heard = self._read_until(b"soft reboot\r\n", wait_s)
            said += heard
            if not heard.endswith(b"soft reboot\r\n"):
                return False, said
        heard = self._read_until(_RAW, wait_s)
        return heard.endswith(_RAW), said + heard

    def _read_until(self, ending: bytes, wait_s: float) -> bytes:
        """What comes until it ends so, or for so long."""
        port, heard, end = self._transport.serial, b"", time.monotonic() + wait_s
        while not heard.endswith(ending) and time.monotonic() < end:
            if port.in_waiting:
                heard += port.read(1)  # no more: the prompt behind it is another's to read
            else:
                time.sleep(_IDLE_S)
        return heard

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
            self.is_lost = True
            with contextlib.suppress(DeployError):
                self._transport = _open(self.port)
                self.is_lost = False
            return b""


def _open(port: str) -> SerialTransport:
    try:
        transport = SerialTransport(port, timeout=_READ_S)
        if port.startswith("socket://"):  # pyserial leaves it out: 40 ms an exchange
            transport.serial._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return transport
    except TransportError as error:
        ports.check(port)  # knows why; mpremote says only that it failed
        raise DeployError("port-lost", f"{port} could not be opened", "try again") from error


def board_error(traceback: str) -> DeployError:
    """A traceback of the board as one line."""
    lines = [line.strip() for line in traceback.strip().splitlines()]
    last = lines[-1] if lines else "unknown"
    if "ENOSPC" in last or last == "OSError: 28":
        return DeployError(
            "storage-full", "the board's file system is full", "remove files of your own from it"
        )
    return DeployError("board-raised", f"the board says: {last}")
