"""What goes wrong with bytes on their way between a board and a target: at one byte, once."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

CUT = "cut"  # the connection ends there, as if the other side had closed it
RESET = "reset"  # it ends with a reset
STALL = "stall"  # nothing comes after it, and the connection stays open
CORRUPT = "corrupt"  # one bit of that byte is another
LOSE = "lose"  # `size` bytes are missing from there on
DELAY = "delay"  # what follows comes `seconds` later
CALL = "call"  # `act` is called in the board's thread; the bytes pass
KINDS = (CUT, RESET, STALL, CORRUPT, LOSE, DELAY, CALL)
_ENDS = (CUT, RESET, STALL)  # due after the byte before; the others harm a byte that comes


@dataclass
class Fault:
    """`at`: bytes that pass first, counted from now on over every connection to `port` (to any,
    where that is None), to the board or from it.
    """

    kind: str
    at: int
    to_board: bool = True
    port: int | None = None
    size: int = 1
    seconds: float = 0.0
    act: Callable[[], object] = lambda: None

    def concerns(self, port, to_board):
        """Whether bytes of this kind count for it."""
        return to_board == self.to_board and self.port in (None, port)

    def is_due(self, n):
        """Whether it comes while n bytes more go by."""
        return self.at < n or (self.at == n and self.kind in _ENDS)


class Faults:
    """Those that are to come, those that came, and how many bytes went by of each kind."""

    def __init__(self):
        self.planned = []
        self.met = []
        self.passed = Counter()  # (port, to_board) → bytes

    def meet(self, port, to_board, n):
        """(bytes that pass unharmed, the fault behind them or None), of n that want to go by."""
        mine = [f for f in self.planned if f.concerns(port, to_board)]
        due = min((f for f in mine if f.is_due(n)), key=lambda f: f.at, default=None)
        free = due.at if due else n
        for fault in mine:
            fault.at -= free
        self.passed[port, to_board] += free
        if due:
            self.planned.remove(due)
            self.met.append(due)
        return free, due
