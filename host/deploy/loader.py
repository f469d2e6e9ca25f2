"""The loader in a chip's ROM, reached by resetting the board, through esptool."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Self

import esptool
import serial
from esp_pylib.logger import EspLog, EspLogBase

from host.deploy import layout, ports
from host.deploy.binary import Chip
from host.deploy.errors import DeployError
from host.deploy.layout import Segment

Progress = Callable[[int, int], None]

_FAST_BAUD = 460_800  # every USB bridge on these boards bears it
_NEEDED_ATTEMPTS, _WANTED_ATTEMPTS = 7, 2  # at a second each
# esptool sets this before each command, which rfc2217:// negotiates for 0.1 s unless it is so.
_COMMAND_S = 3
_BUTTON = "hold its BOOT button, press reset, let go of BOOT, and try again"


class _Words(EspLogBase):
    """What esptool prints, per thread: progress is handed on, the rest is kept for an error."""

    def __init__(self) -> None:
        self._of = threading.local()

    def begin(self, progress: Progress | None) -> None:
        """Hand on this thread's progress from now on."""
        self._of.progress, self._of.warnings = progress, []

    @property
    def warnings(self) -> str:
        """What it warned of since."""
        return "; ".join(self._of.warnings)

    def progress_bar(self, cur_iter: int, total_iters: int, *_: Any, **__: Any) -> None:
        """So much of it is done."""
        if getattr(self._of, "progress", None):
            self._of.progress(cur_iter, total_iters)

    def warn(self, *args: Any, suggestion: str | None = None) -> None:
        """Keep it."""
        if hasattr(self._of, "warnings"):
            self._of.warnings.append(" ".join(map(str, args)))

    err = warning = error = warn

    def print(self, *args: Any, **kwargs: Any) -> None:
        """Nobody reads it."""

    note = hint = debug = print

    def set_verbosity(self, mode: int | str) -> None:
        """There is none."""


_WORDS = _Words()


class Loader:
    """A chip that waits in its loader; `close` starts its firmware."""

    def __init__(self, port: str, is_needed: bool) -> None:
        """Reset the board into its loader.

        Raises:
            DeployError: `no-loader`, or why the port cannot be used.
        """
        self.port = port
        EspLog.instance = _WORDS
        _WORDS.begin(None)
        self._is_needed = is_needed
        self._attempts = _NEEDED_ATTEMPTS if is_needed else _WANTED_ATTEMPTS
        wire = _open(port)
        try:
            with ports.kept(port):
                self._esp = self._with_stub(self._connect(wire))
        except DeployError:
            wire.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def chip(self) -> Chip:
        """What it is, and what its flash holds.

        Raises:
            DeployError: `unknown-chip`, `loader-failed`, or `port-lost`.
        """
        if self._esp.IMAGE_CHIP_ID is None:
            raise DeployError(
                "unknown-chip", f"the board is an {self._esp.CHIP_NAME}",
                "the runtime needs an ESP32; docs/BOARDS.md says why",
            )  # fmt: skip
        if self._esp.secure_download_mode:  # it answers nothing else
            name, number = self._esp.CHIP_NAME, self._esp.IMAGE_CHIP_ID
            return Chip(name, number, 0, layout.Layout(), is_locked=True)
        return self._asked(self._look)

    def read(self, offset: int, size: int) -> bytes:
        """Bytes of its flash."""
        return self._asked(
            lambda: esptool.read_flash(self._esp, offset, size, output=None, no_progress=True)
        )

    def write(self, segments: Sequence[Segment], progress: Progress) -> None:
        """Write flash; esptool compares the MD5 of each segment afterwards.

        Raises:
            DeployError: `flash-damaged`, `loader-failed`, or `port-lost`.
        """
        total = sum(len(content) for _, content in segments)
        done = 0
        for offset, content in segments:
            _WORDS.begin(_part(progress, done, len(content), total))
            self._asked(
                lambda at=offset, what=content: esptool.write_flash(self._esp, [(at, what)])
            )
            done += len(content)
            progress(done, total)

    def close(self) -> None:
        """Start what is in its flash, and let go of the port."""
        try:
            self._esp.hard_reset()
        except OSError:  # it was unplugged
            pass
        finally:
            self._esp._port.close()

    def _look(self) -> Chip:
        size = esptool.flash_size_bytes(esptool.detect_flash_size(self._esp)) or 0
        is_encrypted = bool(self._esp.get_flash_encryption_enabled())
        raw = b"" if is_encrypted else esptool.read_flash(
            self._esp, layout.TABLE_OFFSET, layout.TABLE_BYTES, output=None, no_progress=True
        )  # fmt: skip
        return Chip(
            self._esp.CHIP_NAME, self._esp.IMAGE_CHIP_ID, size,
            layout.with_files(layout.parse(raw), size),
            is_encrypted, bool(self._esp.get_secure_boot_enabled()),
        )  # fmt: skip

    def _connect(self, port: serial.SerialBase) -> Any:
        try:
            return esptool.detect_chip(port, connect_attempts=self._attempts)
        except esptool.FatalError as error:
            detail = f"the chip on {self.port} does not enter its loader"
            raise DeployError("no-loader", detail, _BUTTON) from error

    def _with_stub(self, esp: Any) -> Any:
        """With esptool's faster loader in RAM, where the chip takes it."""
        if self._is_needed and not esp.secure_download_mode:
            try:
                esp = esptool.run_stub(esp)
                if not self.port.startswith("rfc2217://"):
                    esp.change_baud(_FAST_BAUD)
            except esptool.FatalError:
                esp = self._without_stub(esp)
        self._esp = esp
        self._asked(lambda: esptool.attach_flash(esp))
        return esp

    def _without_stub(self, esp: Any) -> Any:
        """As the ROM has it: at once if it only refused, else after another reset."""
        try:
            esp.sync()
        except esptool.FatalError:
            return self._connect(esp._port)
        return esp

    def _asked(self, what: Callable[[], Any]) -> Any:
        with ports.kept(self.port):
            try:
                return what()
            except esptool.FatalError as error:
                said = str(error).splitlines()[0]
                word = "flash-damaged" if "MD5" in said else "loader-failed"
                detail = f"esptool on {self.port}: {said} {_WORDS.warnings}".rstrip()
                raise DeployError(word, detail, "try again with a shorter cable") from error


def _open(port: str) -> serial.SerialBase:
    try:
        return serial.serial_for_url(port, exclusive=True, timeout=_COMMAND_S)
    except (serial.SerialException, ValueError) as error:
        raise ports.refusal(port, error) from error


def _part(progress: Progress, before: int, size: int, total: int) -> Progress:
    """Progress of one segment as that of all; what travels may be compressed."""
    return lambda done, of: progress(before + size * done // max(1, of), total)
