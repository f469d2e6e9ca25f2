"""Notices what only code that left its board can do: fill the disk, phone out, look for keys."""

import contextlib
import ctypes
import os
import shutil
import threading
import time
from pathlib import Path

_LOOK_S = 0.2
_FULL = 0.9  # of the scratch disk
_OPENED = 0x20  # inotify's IN_OPEN
_NO_ROUTE = "OutNoRoutes"  # counts what was to be sent where nothing leads

_libc = ctypes.CDLL(None, use_errno=True)


def start(scratch, hidden, end):
    """Watch from now on, and call `end` with a word at the first thing noticed."""
    for watch in (lambda: _watch(scratch, end), lambda: _listen(hidden, end)):
        threading.Thread(target=watch, daemon=True).start()


def _watch(scratch, end):
    before = lost_packets()
    while True:
        time.sleep(_LOOK_S)
        with contextlib.suppress(OSError):
            disk = shutil.disk_usage(scratch)
            if disk.used > _FULL * disk.total:
                end("disk")
        if lost_packets() > before:
            end("network")


def lost_packets():
    """How many packets found no way out of here so far."""
    lines = [line.split() for line in Path("/proc/net/snmp").read_text().splitlines()]
    names, values = (line for line in lines if line[0] == "Ip:")
    return int(dict(zip(names, values, strict=True))[_NO_ROUTE])


def _listen(hidden, end):
    """Blocks until somebody opens a decoy."""
    line = _libc.inotify_init()
    folders = [os.fsencode(Path(one) / "keys") for one in hidden]
    watched = [_libc.inotify_add_watch(line, folder, _OPENED) for folder in folders]
    if any(number >= 0 for number in watched) and os.read(line, 4096):
        end("keys")
