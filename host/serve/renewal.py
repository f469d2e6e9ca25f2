"""Tells a process that its certificate file was replaced."""

import threading

_LOOK_S = 20


def watch(path, on_change, look_s=_LOOK_S):
    """Call `on_change` from a thread of its own whenever the file at `path` becomes another."""
    last = _mark(path)

    def look():
        nonlocal last
        while True:
            threading.Event().wait(look_s)
            mark = _mark(path)
            if mark not in (None, last):
                last = mark
                on_change()

    threading.Thread(target=look, name="renewal", daemon=True).start()


def _mark(path):
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns
