"""The pins of a virtual board: levels that the chip sets, and levels that the world sets."""

RISING, FALLING = 1, 2
BUTTON = 0  # the BOOT button pulls GPIO0 down


class Pins:
    """Levels by pin number. `driven` is what the chip puts out, `applied` what the world puts in
    (None: nothing).
    """

    def __init__(self, tell):
        self._tell = tell
        self.applied = {}
        self.analog = {}  # raw ADC values, 0 to 4095
        self.reset()

    def reset(self):
        """All pins are inputs without interrupts."""
        self.driven = {}
        self._pulls = {}
        self._irqs = {}

    def setup(self, number, pull):
        """An input with pull-up (True), pull-down (False) or neither (None)."""
        self.driven.pop(number, None)
        self._pulls[number] = pull

    def drive(self, number, level):
        """The chip puts a level out."""
        self.driven[number] = level

    def level(self, number):
        """What the chip reads."""
        if number in self.driven:
            return self.driven[number]
        level = self.applied.get(number)
        if level is None:
            # GPIO0 has a resistor on the board
            level = 1 if number == BUTTON or self._pulls.get(number) else 0
        return level

    def listen(self, number, trigger):
        """Tell of edges as events `p` and the pin's number; trigger 0 ends it."""
        self._irqs[number] = trigger

    def apply(self, number, level):
        """The world puts a level on a pin, or lets go of it (None)."""
        before = self.level(number)
        self.applied[number] = level
        after = self.level(number)
        edge = RISING if after > before else FALLING if after < before else 0
        if edge & self._irqs.get(number, 0):
            self._tell(b"p" + number.to_bytes(2, "little"))
