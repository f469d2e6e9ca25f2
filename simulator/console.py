"""What the chip prints, on its way to the serial port: knows which REPL is up and turns its start
into a board's. Pure.
"""

import re

# The chip's start script prints this last, just before the interpreter shows its prompt.
REPL_STARTS = b"\x1b_repl\x1b\\"
_RAW = b"raw REPL; CTRL-B to exit\r\n"
_FRIENDLY = b'Type "help()" for more information.\r\n'
_BARE_NEWLINE = re.compile(rb"(?<!\r)\n")
# What a board writes to `sys.stdout.buffer` goes out as it is; from an interpreter both arrive
# alike. Of such writers there is one, whose frames say how long they are (Improv's, with a sum).
_FRAME = re.compile(rb"IMPROV\x01[\1-\4]")  # then the length of the data, they, and a sum
_FRAME_HEAD = 8
_MARKS = (REPL_STARTS, _RAW, _FRIENDLY)


class Console:
    """Filters one run of the interpreter after another; the mode of the REPL outlives them, as on
    a board.
    """

    def __init__(self):
        self.is_raw = False
        self.restart()

    def restart(self, raw=False):
        """Another run begins; with `raw` its REPL is to come up raw, without a trace of the
        friendly one.
        """
        self.is_raw = raw
        self._wants_raw = raw
        self._is_hiding = False
        self._held = b""
        self._last = b""
        self._head = b""  # the end of what was shown: a frame may begin in it
        self._is_length = False  # what comes is a frame's length
        self._verbatim = 0  # or bytes of it, so many

    def feed(self, data):
        """(bytes for the port, bytes for the chip's input) from what the chip printed."""
        data = self._held + data
        shown, typed = b"", b""
        while True:
            at, mark = _next_mark(data)
            if mark is None:
                break
            before, data = data[:at], data[at + len(mark) :]
            shown += b"" if self._is_hiding else before
            shown_mark, typed_now = self._meet(mark)
            shown += shown_mark
            typed += typed_now
        keep = _partial_mark(data)
        self._held = data[len(data) - keep :]
        if not self._is_hiding:
            shown += data[: len(data) - keep]
        return self._with_returns(shown), typed

    def finish(self):
        """What was held back, when the chip says no more."""
        held, self._held = self._held, b""
        return b"" if self._is_hiding else self._with_returns(held)

    def _with_returns(self, data):
        """Each part as it is to be shown: frames, and what is between them."""
        shown = b""
        while data:
            if self._is_length:
                self._is_length, self._verbatim = False, 1 + data[0] + 1
            part, data = data[: self._verbatim], data[self._verbatim :]
            self._verbatim -= len(part)
            shown += part
            self._last = part[-1:] or self._last
            found = _FRAME.search(self._head + data)
            end = found.end() - len(self._head) if found else len(data)
            self._head = b"" if found else (self._head + data)[1 - _FRAME_HEAD :]
            self._is_length = bool(found)
            shown += self._cooked(data[:end])
            data = data[end:]
        return shown

    def _cooked(self, data):
        """A board ends its lines with CR LF; the interpreter leaves the CR to the terminal it does
        not have here.
        """
        before = b"\r" if self._last == b"\r" else b""
        self._last = data[-1:] or self._last
        return _BARE_NEWLINE.sub(b"\r\n", before + data)[len(before) :]

    def _meet(self, mark):
        if mark == REPL_STARTS:
            self._is_hiding = self._wants_raw
            return b"", b"\x01" if self._wants_raw else b""
        if self._is_hiding and mark == _FRIENDLY:
            return b"", b""
        self._is_hiding = False
        self.is_raw = mark == _RAW
        return mark, b""


def _next_mark(data):
    found = [(data.index(mark), mark) for mark in _MARKS if mark in data]
    return min(found) if found else (0, None)


def _partial_mark(data):
    """How many bytes at the end could be the beginning of a mark."""
    longest = max(len(mark) for mark in _MARKS) - 1
    for n in range(min(longest, len(data)), 0, -1):
        if any(mark.startswith(data[-n:]) for mark in _MARKS):
            return n
    return 0
