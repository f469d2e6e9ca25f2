"""What a board says on its serial port, for as long as anybody listens."""

import codecs
import time
from collections.abc import Callable, Iterator

import serial

from host.deploy import ports

_BAUD = 115_200
_READ_S = 0.2
_AGAIN_S = 0.5  # between two looks for a port that is gone


def lines(port: str, tell: Callable[[str], None]) -> Iterator[str]:
    """Whole lines as they come; a port that goes away is waited for, which `tell` is told.

    Raises:
        DeployError: the port cannot be used in the first place.
    """
    path = ports.real(port)
    ports.check(path)
    is_gone = False
    while True:
        try:
            with _opened(path) as board:
                if is_gone:
                    tell(f"mpfleet: {path} is back")
                is_gone = False
                yield from _split(board)
        except OSError as error:
            if not is_gone:
                tell(f"mpfleet: {path} went away ({error}); waiting for it")
            is_gone = True
            time.sleep(_AGAIN_S)


def _opened(path: str) -> serial.SerialBase:
    port = serial.serial_for_url(path, do_not_open=True, baudrate=_BAUD, timeout=_READ_S)
    if ports.has_reset(path):
        port.dtr = port.rts = False  # together they would reset it
    port.open()
    return port


def _split(board: serial.SerialBase) -> Iterator[str]:
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    pending = ""
    while True:
        pending += decode(board.read(max(1, board.in_waiting)))
        *whole, pending = pending.split("\n")
        for line in whole:
            yield line.rstrip("\r")
