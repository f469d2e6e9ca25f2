"""Boards without hardware: one of simulator/, or an ESP32 in an emulator's process."""

import contextlib
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

from host.rig import file
from host.rig.errors import RigError
from host.rig.process import free_port
from simulator import AccessPoint, MicroPythonMissing, VirtualBoard, build_image

_START_S = 20  # until an emulator has opened its serial port
_PTY = re.compile(rb"redirected to (/dev/pts/\d+|/dev/ttys\d+)")


class VirtualPower:
    """The power of a virtual board."""

    can_cut = True
    off_s = 0.0

    def __init__(self, folder: Path, model: str, index: int, access_point: AccessPoint) -> None:
        unique_id = bytes((0x24, 0x0A, 0xC4, 0x01, index >> 8, index & 0xFF))
        try:
            self.board = VirtualBoard(
                folder, model=model, unique_id=unique_id, access_points=[access_point]
            )
        except MicroPythonMissing as error:
            raise RigError("no-micropython", str(error)) from error
        self.port = self.board.port

    def on(self) -> None:
        """Give power."""
        self.board.power_on()

    def off(self) -> None:
        """Take the power away."""
        self.board.power_off()

    def close(self) -> None:
        """Take the board apart."""
        self.board.close()


class QemuPower:
    """The power of an emulated ESP32: its process runs, or it does not."""

    can_cut = True
    off_s = 0.0

    def __init__(self, table: file.Qemu, folder: Path, log: Path) -> None:
        self._table, self._log = table, log
        self._flash = folder / "flash.bin"
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(table.flash, self._flash)
        except OSError as error:
            detail = f"flash image {table.flash}: {error.strerror}"
            raise RigError("no-emulator", detail) from error
        self._tcp_port = free_port()
        self.port = f"socket://127.0.0.1:{self._tcp_port}" if table.serial == "tcp" else ""

    def on(self) -> None:
        """Start the emulator, unless it runs; returns when its serial port is there.

        Raises:
            RigError: `no-emulator`.
        """
        if self._process is not None and self._process.poll() is None:
            return
        is_tcp = self._table.serial == "tcp"
        line = f"tcp:127.0.0.1:{self._tcp_port},server=on,wait=off" if is_tcp else "pty"
        places = {"{flash}": str(self._flash), "{serial}": line}
        command = [_filled(word, places) for word in self._table.command]
        with self._log.open("wb") as log:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - the rig's owner names it
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C is not for it
                )
            except OSError as error:
                raise RigError("no-emulator", f"{command[0]}: {error.strerror}") from error
        self._wait_for_port()

    def off(self) -> None:
        """Kill the emulator: what it has not written is lost, as without power."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """End it."""
        self.off()

    def _wait_for_port(self) -> None:
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                said = self._log.read_text(errors="replace").strip()[-300:] or "nothing"
                status = self._process.returncode
                detail = f"{self._table.command[0]} ended with status {status}; it said: {said}"
                raise RigError("no-emulator", " ".join(detail.split()))
            if self._is_open():
                return
            time.sleep(0.05)
        raise RigError("no-emulator", f"no serial port within {_START_S} s: {self._log}")

    def _is_open(self) -> bool:
        if self._table.serial == "tcp":
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self._tcp_port), 1).close()
                return True
            return False
        found = _PTY.search(self._log.read_bytes())
        if found:
            self.port = found[1].decode()
        return bool(found)


def images() -> list[bytes]:
    """Two firmwares for a virtual board, of which one may run already."""
    return [build_image(version=v, payload=b"code" * 30_000) for v in ("v1.26.0", "v1.27.0")]


def _filled(word: str, places: dict[str, str]) -> str:
    for name, value in places.items():
        word = word.replace(name, value)
    return word
