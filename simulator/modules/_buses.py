"""Buses and converters of machine: nothing is connected to them, and they answer as an ESP32
answers then.
"""

import _board


class ADC:
    """Reads what the board's `pins.analog` says of a pin (0 to 4095)."""

    ATTN_0DB, ATTN_2_5DB, ATTN_6DB, ATTN_11DB = 0, 1, 2, 3
    WIDTH_9BIT, WIDTH_10BIT, WIDTH_11BIT, WIDTH_12BIT = 9, 10, 11, 12

    def __init__(self, pin, *, atten=0):
        self._pin = getattr(pin, "_id", pin)
        if not 0 <= self._pin < 40:
            raise ValueError("invalid pin")

    def init(self, *, atten=0):
        pass

    def atten(self, value):
        pass

    def width(self, value):
        pass

    def read(self):
        return _board.call("adc", self._pin)

    def read_u16(self):
        return self.read() * 65535 // 4095

    def read_uv(self):
        return self.read() * 3300000 // 4095


class PWM:
    """Keeps what it is told."""

    def __init__(self, pin, freq=5000, duty=None, duty_u16=32768, duty_ns=None):
        self._freq = freq
        self._duty_u16 = duty_u16 if duty is None else duty << 6

    def init(self, freq=None, duty=None, duty_u16=None, duty_ns=None):
        self._freq = freq or self._freq
        if duty is not None:
            self.duty(duty)
        if duty_u16 is not None:
            self._duty_u16 = duty_u16

    def freq(self, hz=None):
        if hz is None:
            return self._freq
        if not 1 <= hz <= 40000000:
            raise ValueError("frequency must be from 1Hz to 40MHz")
        self._freq = hz

    def duty(self, value=None):
        if value is None:
            return self._duty_u16 >> 6
        self._duty_u16 = value << 6

    def duty_u16(self, value=None):
        if value is None:
            return self._duty_u16
        self._duty_u16 = value

    def duty_ns(self, value=None):
        period = 1000000000 // self._freq
        if value is None:
            return self._duty_u16 * period // 65535
        self._duty_u16 = value * 65535 // period

    def deinit(self):
        self._duty_u16 = 0


class I2C:
    """A bus with nothing on it: a scan finds nothing, every transfer gets no acknowledge."""

    def __init__(self, id=-1, *, scl=None, sda=None, freq=400000, timeout=50000):
        pass

    def scan(self):
        return []

    def _nobody(self, *args, **kwargs):
        raise OSError(19)  # ENODEV

    readfrom = readfrom_into = readfrom_mem = readfrom_mem_into = _nobody
    writeto = writeto_mem = writevto = _nobody

    def start(self):
        pass

    def stop(self):
        pass


class SoftI2C(I2C):
    """The same by software."""


class SPI:
    """A bus whose input line stays high."""

    MSB, LSB = 0, 1

    def __init__(self, id=-1, baudrate=1000000, **settings):
        pass

    def init(self, baudrate=1000000, **settings):
        pass

    def deinit(self):
        pass

    def read(self, n, write=0):
        return b"\xff" * n

    def readinto(self, buf, write=0):
        buf[:] = b"\xff" * len(buf)

    def write(self, buf):
        pass

    def write_readinto(self, out, into):
        if len(out) != len(into):
            raise ValueError("buffers must be the same length")
        self.readinto(into)


class SoftSPI(SPI):
    """The same by software."""


class UART:
    """A line on which nobody talks."""

    INV_TX, INV_RX = 16, 32

    def __init__(self, id, baudrate=115200, **settings):
        if not 0 <= id <= 2:
            raise ValueError("UART(%d) does not exist" % id)

    def init(self, baudrate=115200, **settings):
        pass

    def deinit(self):
        pass

    def any(self):
        return 0

    def read(self, n=None):
        return None

    def readline(self):
        return None

    def readinto(self, buf, n=None):
        return None

    def write(self, buf):
        return len(buf)

    def flush(self):
        pass

    def txdone(self):
        return True

    def sendbreak(self):
        pass


class DAC:
    """Keeps nothing."""

    def __init__(self, pin):
        pass

    def write(self, value):
        if not 0 <= value <= 255:
            raise ValueError("value out of range")


class TouchPad:
    """Nobody touches it."""

    def __init__(self, pin):
        pass

    def read(self):
        return 600

    def config(self, value):
        pass


def bitstream(pin, encoding, timing, data):
    """The signal of neopixels: it goes out, and nobody looks."""


def dht_readinto(pin, buf):
    raise OSError(110)  # ETIMEDOUT: nothing answers
