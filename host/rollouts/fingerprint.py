"""What makes two tracebacks one fault: the way through the code and the kind of error."""

import hashlib
import re

_DIGITS = 16
_FRAME = re.compile(r'File "(?:/?slots/[ab]/)?([^"]+)", line (\d+)(?:, in (\S+))?')
# What differs from board to board: addresses, ids, numbers, what stands in quotes.
_OWN = re.compile(
    r"0x[0-9a-f]+|\b(?=[a-f]*\d)[0-9a-f]{6,}\b|\d+(?:\.\d+)?|'[^']*'|\"[^\"]*\"", re.IGNORECASE
)


def fingerprint(traceback):
    """16 hex digits, the same for tracebacks alike; None without a traceback.

    Boards differ in the slot they run from, and in the numbers an error names.
    """
    lines = [line for line in (traceback or "").splitlines() if line.strip()]
    if not lines:
        return None
    frames = [frame.groups() for line in lines if (frame := _FRAME.search(line))]
    error = "" if _FRAME.search(lines[-1]) else _OWN.sub("#", lines[-1].strip())
    return hashlib.sha256(repr((frames, error)).encode()).hexdigest()[:_DIGITS]
