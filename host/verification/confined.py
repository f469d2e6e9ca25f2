"""A program in a sandbox, watched: its lines as they come, and an end when it takes too much."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from host.verification.sandbox import Limits, Place, Sandbox, environment

_LOOK_S = 0.25
_LINE_BYTES_MAX, _LINES_MAX = 64 * 1024, 20_000
_LOG_BYTES = 16_000
_PAGE = os.sysconf("SC_PAGE_SIZE")

# How it ended, when not by itself
TIME, MEMORY, PROCESSES, OUTPUT, STOPPED = "time", "memory", "processes", "output", "stopped"


class Ended(NamedTuple):
    """How a program ended: a word where it was ended, its status, and the end of its log."""

    cause: str
    status: int
    log: str


def run(
    sandbox: Sandbox,
    module: str,
    place: Place,
    limits: Limits,
    hear: Callable[[str], None],
    is_over: Callable[[], bool] = lambda: False,
    only=(),
) -> Ended:
    """Run a module of ours inside; `hear` is called with each line it prints."""
    given = {"case": str(place.case), "hidden": [*map(str, place.hidden)], "only": [*only]}
    argv = [sys.executable, "-m", module, json.dumps(given)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            sandbox.command(argv, place, limits),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
            env=environment(place), start_new_session=True,
        )  # fmt: skip
        lines: queue.Queue = queue.Queue(_LINES_MAX)
        reader = threading.Thread(target=_read, args=(process.stdout, lines), daemon=True)
        reader.start()
        try:
            cause = _watch(process, lines, limits, hear, is_over)
        finally:
            _kill(process)
            reader.join()
            process.stdout.close()
        while not lines.empty():
            _hear(lines.get(), hear)
        log.seek(max(0, log.seek(0, os.SEEK_END) - _LOG_BYTES))
        return Ended(cause, process.returncode, log.read().decode("utf-8", "replace"))


def _watch(process, lines, limits, hear, is_over):
    end = time.monotonic() + limits.seconds
    while process.poll() is None:
        try:
            _hear(lines.get(timeout=_LOOK_S), hear)
            continue
        except queue.Empty:
            pass
        if lines.full():
            return OUTPUT
        if is_over():
            return STOPPED
        if time.monotonic() > end:
            return TIME
        count, size = _usage(process.pid)
        if count > limits.processes:
            return PROCESSES
        if size > limits.memory_bytes:
            return MEMORY
    return ""


def _hear(line, hear):
    hear(line.decode("utf-8", "replace").rstrip("\n"))


def _read(pipe, lines):
    """Each line that is short enough; the pipe is emptied in any case."""
    while line := pipe.readline(_LINE_BYTES_MAX):
        if line.endswith(b"\n") and not lines.full():
            lines.put(line)


def _kill(process):
    """It and all it started: with its first process a world of its own ends."""
    for one in (*_descendants(process.pid), process.pid):
        if process.poll() is None or one != process.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
    process.wait()


def _usage(pid):
    """(processes, resident bytes) of it and all that it started."""
    count = size = 0
    for one in (pid, *_descendants(pid)):
        try:
            fields = Path(f"/proc/{one}/statm").read_text().split()
        except OSError:
            continue
        count, size = count + 1, size + int(fields[1]) * _PAGE
    return count, size


def _descendants(pid):
    """Ids of what it started, and what those did."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found, left = [], [pid]
    while left:
        more = children.get(left.pop(), [])
        found += more
        left += more
    return found
