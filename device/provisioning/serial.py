"""Improv over the serial port, which is the console as well (SPEC section 16)."""

import asyncio
import select
import sys
import time

import micropython

from device.provisioning.improv import (
    ERROR_FRAME,
    RESULT_FRAME,
    STATE_FRAME,
    Frames,
    ImprovError,
    frame,
    result,
)

_PAUSE_MS = 10  # at 115,200 baud 115 bytes arrive meanwhile: the port keeps 260
_CTRL_C = 3


class Serial:
    """A line whose other end holds the cable, and so could do anything else as well."""

    is_trusted = True
    is_serial = True

    def __init__(self, hear):
        self._hear = hear  # async, of line, command and data

    async def serve(self):
        """Task: take frames; Ctrl-C, which no frame is, ends the run as it does elsewhere."""
        poller = select.poll()
        poller.register(sys.stdin, select.POLLIN)
        frames = Frames()
        micropython.kbd_intr(-1)  # 3 is a byte like others
        try:
            while True:
                while poller.poll(0):
                    await self._take(frames.feed(sys.stdin.buffer.read(1)[0], time.ticks_ms()))
                await asyncio.sleep_ms(_PAUSE_MS)
        finally:
            micropython.kbd_intr(_CTRL_C)

    async def _take(self, found):
        if isinstance(found, ImprovError):
            self.error(found.number)
        elif found:
            await self._hear(self, *found)

    def state(self, number):
        """Improv's state is this."""
        self._send(STATE_FRAME, bytes((number,)))

    def error(self, number):
        """What was asked for was refused, or failed."""
        self._send(ERROR_FRAME, bytes((number,)))

    def result(self, command, values):
        """The answer to what was asked for."""
        self._send(RESULT_FRAME, result(command, values))

    def _send(self, kind, data):
        sys.stdout.buffer.write(frame(kind, data))
