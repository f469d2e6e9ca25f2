"""Tells a process that its certificate file was replaced."""

import threading

_LOOK_S = 20


def watch(path, on_change, look_s=_LOOK_S):
    """Call `on_change` from a thread whenever the file at `path` becomes another.

    Returns an event that, once set, ends the watch.
    """
    stop = threading.Event()
    arguments = (path, _mark(path), on_change, look_s, stop)
    threading.Thread(target=_watch, args=arguments, name="renewal", daemon=True).start()
    return stop


def _watch(path, last, on_change, look_s, stop):
    while not stop.wait(look_s):
        mark = _mark(path)
        if mark not in (None, last):
            last = mark
            on_change()


def _mark(path):
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns
