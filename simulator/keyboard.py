"""What goes into a chip: typed bytes, interrupts, and calls to look at its notes."""

# Until an interrupt that came at a bad moment is tried again; two values, lest it keep step.
_AGAIN_S = (0.0005, 0.0017)
_POKE_S = 0.002
_POKES = 20
_INTERRUPT = b"\x03"


class Keyboard:
    """Leads to one chip after the other; what is typed while one starts is kept for it."""

    def __init__(self, loop):
        self._loop = loop
        self._chip = None
        self.is_listening = False
        self._held = b""
        self._again = False

    def attach(self, chip):
        """A chip begins, and does not listen yet. None: there is none."""
        self._chip = chip
        self.is_listening = False
        self._held = b""

    def begin(self):
        """The chip is about to run boot.py: from now on it can be interrupted, and typed to.

        What was typed before is no interrupt: a chip has none until it runs something.
        """
        self.is_listening = True
        held, self._held = self._held, b""
        self._feed(held)

    def type(self, data):
        """Bytes from the serial port. Ctrl-C is one of them only where no program runs."""
        if not self.is_listening:
            self._held += data if self._chip else b""
            return
        for n, part in enumerate(data.split(_INTERRUPT)):
            if n and not self.interrupt():
                self._feed(_INTERRUPT)
            self._feed(part)

    def press(self, data):
        """Bytes for a prompt, not from a person: they are never an interrupt."""
        self._feed(data)

    def interrupt(self):
        """Raise KeyboardInterrupt in the program that runs; False if none does."""
        if self._chip is None or not self._chip.is_interruptible:
            return False
        self._chip.interrupt()
        self.poke()
        return True

    def interrupt_again(self):
        """The chip was in a place that it must not leave by an exception: try a little later."""
        self._again = not self._again
        self._loop.after(_AGAIN_S[self._again], self.interrupt)

    def poke(self, tries=_POKES):
        """Let the chip look at what was noted for it.

        While it computes it does so by itself; but it may be just about to wait.
        """
        if self._chip is None:
            return
        if self._chip.is_waiting:
            self._chip.poke()
        elif tries:
            self._loop.after(_POKE_S, self.poke, tries - 1)

    def _feed(self, data):
        if not data:
            return
        try:
            self._chip.console.send(data)
        except OSError:
            return  # it reads no more: bytes are lost, as in a serial port that overflows
