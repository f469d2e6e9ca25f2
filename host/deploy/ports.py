"""Serial ports of this computer: which there are, what each can do, why one cannot be used."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import serial
from serial.tools import list_ports

from host.deploy.errors import DeployError

_PTY_MAJORS = range(136, 144)
_WITHOUT_LINES = ("socket://", "loop://", "spy://", "alt://", "hwgrep://")
AGAIN = "check the cable, then deploy again: what is already there is not copied twice"


class Found(NamedTuple):
    """A port that something is plugged into."""

    path: str
    text: str  # what the computer knows of it


def found() -> list[Found]:
    """Every USB serial port; those soldered to the computer's own board are none."""
    usb = [p for p in list_ports.comports() if p.vid is not None]
    return [Found(p.device, p.description or p.device) for p in sorted(usb)]


def only() -> str:
    """The one port that is there.

    Raises:
        DeployError: `no-port`, or `several-ports`.
    """
    there = found()
    if not there:
        raise DeployError(
            "no-port",
            "no board is plugged in",
            "plug one in with a cable that carries data, not only power; --port names a port "
            "of another kind",
        )
    if len(there) > 1:
        listed = ", ".join(f"{port.path} ({port.text})" for port in there)
        raise DeployError(
            "several-ports", f"there are several ports: {listed}", "say which one with --port"
        )
    return there[0].path


def real(port: str) -> str:
    """The port itself, where a link names it."""
    return os.path.realpath(port) if port.startswith("/") else port


def has_reset(port: str) -> bool:
    """Whether it carries the lines that reset a chip: a pty and a bare socket have none."""
    if port.startswith(_WITHOUT_LINES):
        return False
    return not _is_pty(real(port))


@contextlib.contextmanager
def kept(port: str) -> Iterator[None]:
    """What is done within ends with a word where the port goes away."""
    try:
        yield
    except OSError as error:  # pyserial's own errors are OSErrors too
        raise DeployError("port-lost", f"{port} went away: {error}", AGAIN) from error


def check(port: str) -> None:
    """Open a port and close it again.

    Raises:
        DeployError: `no-such-port`, `no-permission`, or `port-in-use`.
    """
    try:
        serial.serial_for_url(port, exclusive=True).close()
    except (OSError, ValueError) as error:
        raise refusal(port, error) from error


def refusal(port: str, error: Exception) -> DeployError:
    """What an error of the operating system means for a port."""
    number = getattr(error, "errno", None)
    if number == errno.ENOENT:
        there = ", ".join(p.path for p in found()) or "none"
        return DeployError("no-such-port", f"there is no port {port}", f"ports here: {there}")
    if number in (errno.EACCES, errno.EPERM):
        advice = "sudo usermod -aG dialout $USER, then sign in again"
        return DeployError("no-permission", f"you may not use {port}", advice)
    if number == errno.EBUSY or "exclusively lock" in str(error):
        who = holder(port)
        advice = f"end {who or 'the other program (mpremote, a serial monitor, another deploy)'}"
        return DeployError("port-in-use", f"{port} is in use", advice)
    if "://" in port:
        return DeployError("no-such-port", f"{port} is not reached: {error}", "is it running?")
    return DeployError("no-such-port", f"{port} is no serial port: {error}")


def holder(port: str, processes: Path = Path("/proc")) -> str:
    """Another process that has the port open, as `name (process 123)`, as far as can be seen."""
    wanted = real(port)
    for place in processes.glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):  # it ended meanwhile, or is another user's
            pid = place.parts[-3]
            if os.readlink(place) == wanted and int(pid) != os.getpid():
                name = (processes / pid / "comm").read_text(encoding="utf-8").strip()
                return f"{name} (process {pid})"
    return ""


def _is_pty(port: str) -> bool:
    try:
        return os.major(os.stat(port).st_rdev) in _PTY_MAJORS
    except (OSError, AttributeError):
        return False
