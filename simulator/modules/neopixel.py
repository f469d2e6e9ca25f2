"""neopixel on a virtual board: colours are kept, and sent where nobody looks."""

from machine import bitstream


class NeoPixel:
    """A strip of `n` lamps of `bpp` colours each."""

    ORDER = (1, 0, 2, 3)  # green comes first on the wire

    def __init__(self, pin, n, bpp=3, timing=1):
        self.pin = pin
        self.n = n
        self.bpp = bpp
        self.timing = timing
        self.buf = bytearray(n * bpp)
        pin.init(pin.OUT)

    def __len__(self):
        return self.n

    def __setitem__(self, i, colour):
        for place in range(self.bpp):
            self.buf[i * self.bpp + self.ORDER[place]] = colour[place]

    def __getitem__(self, i):
        return tuple(self.buf[i * self.bpp + self.ORDER[place]] for place in range(self.bpp))

    def fill(self, colour):
        for i in range(self.n):
            self[i] = colour

    def write(self):
        bitstream(self.pin, 0, (400, 850, 800, 450), self.buf)
