"""The two transistors between a board's USB chip and its ESP32, by which a computer resets it: the
lines DTR and RTS pull EN and IO0 down.
"""

from simulator.pins import BUTTON

# (DTR, RTS) asserted: levels of (EN, IO0). Both pull at one another, and nothing moves.
LEVELS = {
    (False, False): (1, 1),
    (False, True): (0, 1),
    (True, False): (1, 0),
    (True, True): (1, 1),
}
# EN has a capacitor and rises slowly, so that a computer that has to change the lines one after
# the other, over both asserted, can still pull IO0 down in time. On a board that is milliseconds;
# over a network a change takes 50, so here the next change decides, or this time without one.
_RISE_S = 0.3


class AutoReset:
    """Drives `pins` and the `machine`."""

    def __init__(self, loop, pins, machine):
        self._loop = loop
        self._pins = pins
        self._machine = machine
        self._rising = None

    def set(self, dtr, rts):
        """The lines changed."""
        en, io0 = LEVELS[dtr, rts]
        if self._rising:
            self._rising.cancel()
        self._pins.apply(BUTTON, None if io0 else 0)
        if not en:
            self._machine.hold()
        elif dtr and rts:
            self._rising = self._loop.after(_RISE_S, self._machine.release)
        else:
            self._machine.release()
