"""Improv's frames on a serial port: `IMPROV`, version, type, length, data, sum, line feed."""

from collections.abc import Iterator
from typing import NamedTuple

_MAGIC = b"IMPROV\x01"  # with its version
_HEAD = len(_MAGIC) + 2  # type, length
STATE, ERROR, COMMAND, RESULT = 1, 2, 3, 4


class Frame(NamedTuple):
    """One frame: `type` is one of those above."""

    type: int
    data: bytes


def build(kind: int, data: bytes) -> bytes:
    """A frame around at most 255 bytes."""
    head = _MAGIC + bytes((kind, len(data))) + data
    return head + bytes((sum(head) & 255, 10))


class Parser:
    """Takes frames out of whatever a board prints; damaged ones are skipped."""

    def __init__(self) -> None:
        self._bytes = b""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are whole now."""
        self._bytes += data
        while (at := self._bytes.find(_MAGIC)) >= 0:
            self._bytes = self._bytes[at:]
            whole = _HEAD + self._bytes[_HEAD - 1] + 1 if len(self._bytes) >= _HEAD else _HEAD
            if len(self._bytes) < whole or whole == _HEAD:
                return
            taken, total = self._bytes[: whole - 1], self._bytes[whole - 1]
            is_good = sum(taken) & 255 == total
            self._bytes = self._bytes[whole if is_good else 1 :]
            if is_good:
                yield Frame(taken[len(_MAGIC)], taken[_HEAD:])
        self._bytes = self._bytes[-len(_MAGIC) + 1 :]  # perhaps the beginning of the next
