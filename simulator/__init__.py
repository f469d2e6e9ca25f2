"""The virtual board: a real MicroPython on a flash image, behind a serial port, with power that
can be cut.
"""

from simulator.board import VirtualBoard
from simulator.chip import MicroPythonMissing, micropython
from simulator.flash import FlashError, PowerCut
from simulator.image import build as build_image
from simulator.radio import AccessPoint, Radio

__all__ = [
    "AccessPoint",
    "FlashError",
    "MicroPythonMissing",
    "PowerCut",
    "Radio",
    "VirtualBoard",
    "build_image",
    "micropython",
]
