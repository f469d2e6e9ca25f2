"""The chip's end of the line to its board (simulator/control.py): calls, flash operations, events."""

import _thread
import binascii
import json
import micropython
import struct
import usocket

_AF_UNIX = 1
_SEQPACKET = 5
_LARGEST = 8192

facts = {}  # what the board said when the chip started
_address = b""
_idle = []
_lock = _thread.allocate_lock()


def begin(path):
    """Meet the board."""
    global _address
    _address = struct.pack("<H", _AF_UNIX) + path.encode() + b"\0"
    facts.update(call("hello"))


def call(name, *args):
    """Have the board do something and return what it says.

    Raises: OSError as the ESP32 would.
    """
    error, value = json.loads(_exchange(b"J" + json.dumps([name] + list(args)).encode()))
    if error:
        raise OSError(error, value)
    return value


def tell(name, *args):
    """Have the board do something that needs no answer."""
    s = _take()
    s.send(b"N" + json.dumps([name] + list(args)).encode())
    _give(s)


def operate(kind, offset, data=b""):
    """One flash operation: kind b"P" (program) or b"E" (erase)."""
    answer = _exchange(kind + struct.pack("<I", offset) + data)
    if answer != b"k":
        raise OSError(5, answer[1:].decode())


def end(name, *args):
    """Have the board do something that this chip does not live to see."""
    tell(name, *args)
    while True:
        usocket.socket(_AF_UNIX, _SEQPACKET).close()


def _exchange(message):
    # A connection belongs to one exchange: a callback or a thread that comes in between uses another, and one whose
    # exchange was interrupted (Ctrl-C) is dropped with the answer that was still to come.
    s = _take()
    s.send(message)
    answer = s.recv(_LARGEST)
    _give(s)
    return answer


def _take():
    if _lock.acquire(False):
        s = _idle.pop() if _idle else None
        _lock.release()
        if s:
            return s
    return connect()


def _give(s):
    if _lock.acquire(False):
        _idle.append(s)
        _lock.release()
    else:
        s.close()


def connect():
    """A connection of one's own."""
    s = usocket.socket(_AF_UNIX, _SEQPACKET)
    s.connect(_address)
    return s


_handlers = {}
_has_events = False


def on_event(event, handler):
    """Call handler(None) between two instructions of the main program whenever the board tells of this event."""
    global _has_events
    _handlers[event] = handler
    if not _has_events:
        _has_events = True
        s = connect()
        s.send(b"V")
        _thread.start_new_thread(_wait, (s,))


def no_event(event):
    """Call no handler any more."""
    _handlers.pop(event, None)


def _wait(s):
    # This thread does as little as it can: the interpreter's threads have no common lock.
    while True:
        event = s.recv(16)
        if not event:
            return
        handler = _handlers.get(event)
        if handler:
            try:
                micropython.schedule(handler, None)
            except RuntimeError:  # queue full: this one is lost, as on a board
                pass
            s.send(b"!")
