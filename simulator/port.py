"""The serial port of a virtual board as the computer sees it: a pty whose path stays the same
while the board lives.
"""

import functools
import os
import termios
import tty

from simulator.outbox import Outbox


class Port:
    """`path` is what mpremote opens. What comes in is handed to `when_received`, with the function
    that answers.
    """

    def __init__(self, loop, when_received):
        self._loop = loop
        self._when_received = when_received
        self._master, self._slave = (
            os.openpty()
        )  # the slave stays open, or the master would fail between two visitors
        tty.setraw(self._slave, termios.TCSANOW)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        loop.watch(self._master, self._receive)
        self.write = Outbox(loop, self._master, functools.partial(os.write, self._master)).write

    def close(self):
        """Take the port away."""
        self._loop.forget(self._master)
        os.close(self._master)
        os.close(self._slave)

    def _receive(self):
        try:
            data = os.read(self._master, 4096)
        except (BlockingIOError, OSError):
            return
        self._when_received(data, self.write)
