"""The chip's end of the line to its board (simulator/control.py): calls and events."""

import _thread
import binascii
import json
import micropython
import struct
import usocket

_AF_UNIX = 1
_SEQPACKET = 5

facts = {}  # what the board said when the chip started
_address = b""
_AGAIN = b"C"
_interrupts = None
_idle = []
_lock = _thread.allocate_lock()


def begin(path):
    """Meet the board."""
    global _address, _interrupts
    _address = struct.pack("<H", _AF_UNIX) + path.encode() + b"\0"
    _interrupts = connect()
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


def interrupt_again():
    """Have the board interrupt the program a little later: this was a bad moment. Does not
    allocate.
    """
    _interrupts.send(_AGAIN)


def end(name, *args):
    """Have the board do something that this chip does not live to see."""
    tell(name, *args)
    while True:
        usocket.socket(_AF_UNIX, _SEQPACKET).close()


def _exchange(message):
    # A connection belongs to one exchange: a callback or a thread that comes in between uses
    # another, and one whose exchange was interrupted (Ctrl-C) is dropped with the answer that was
    # still to come.
    s = _take()
    s.send(message)
    # its length first: a heap in use has no room in one piece for the longest answer there may be
    answer = s.recv(struct.unpack("<H", s.recv(2))[0])
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
_waiting = {}  # by event: scheduled, but not run yet
_has_events = False


def on_event(kind, number, handler):
    """Call handler() between two instructions of the main program whenever the board tells of this
    event.
    """
    global _has_events
    event = _event(kind[0], number)

    def run(_):
        try:
            _waiting[event] = False
            handler()
        except KeyboardInterrupt:  # is meant for the main program
            _waiting[event] = False
            interrupt_again()

    _waiting[event] = False
    _handlers[event] = run
    if not _has_events:
        _has_events = True
        s = connect()
        s.send(b"V")
        _thread.start_new_thread(_wait, (s, bytearray(3)))


def no_event(kind, number):
    """Call no handler any more."""
    _handlers.pop(_event(kind[0], number), None)


def _event(kind, number):
    return kind << 16 | (number & 0xFFFF)


def _wait(s, event):
    # The interpreter's threads have no common lock: if this one started a garbage collection, the
    # main program would lose what it holds in its hands. So nothing here allocates, not even an
    # exception for a full queue.
    while s.readinto(event):
        key = event[0] << 16 | event[2] << 8 | event[1]
        if key in _handlers and not _waiting[key]:
            _waiting[key] = True
            micropython.schedule(_handlers[key], None)
            s.send(b"!")
