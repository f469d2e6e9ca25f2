"""Buses and converters of machine. What is connected to them, an application's sim/ says; where it
says nothing they answer as an ESP32 does with nothing connected.
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
        return _sim("sim_adc", "read", lambda pin: _board.call("adc", pin))(self._pin)

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


def _sim(module, name, otherwise):
    """What an application's sim/ has to say, docs/APP.md."""
    try:
        return getattr(__import__(module), name)
    except ImportError:
        return otherwise


class I2C:
    """A bus with what `sim_i2c.DEVICES` puts on it; where nothing is, nobody acknowledges."""

    def __init__(self, id=-1, *, scl=None, sda=None, freq=400000, timeout=50000):
        self._devices = _sim("sim_i2c", "DEVICES", {})

    def _at(self, addr):
        if addr not in self._devices:
            raise OSError(19)  # ENODEV
        return self._devices[addr]

    def scan(self):
        return sorted(self._devices)

    def readfrom(self, addr, nbytes, stop=True):
        return bytes(self._at(addr).receive(nbytes))

    def readfrom_into(self, addr, buf, stop=True):
        buf[:] = self._at(addr).receive(len(buf))

    def writeto(self, addr, buf, stop=True):
        self._at(addr).send(bytes(buf))
        return len(buf)

    def writevto(self, addr, vector, stop=True):
        return self.writeto(addr, b"".join([bytes(one) for one in vector]))

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        return bytes(self._at(addr).read(memaddr, nbytes))

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        buf[:] = self._at(addr).read(memaddr, len(buf))

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        self._at(addr).write(memaddr, bytes(buf))

    def start(self):
        pass

    def stop(self):
        pass


class SoftI2C(I2C):
    """The same by software."""


class SPI:
    """A bus whose other end is `sim_spi.transfer(bytes)`; without one its line stays high."""

    MSB, LSB = 0, 1

    def __init__(self, id=-1, baudrate=1000000, **settings):
        self._transfer = _sim("sim_spi", "transfer", lambda data: b"\xff" * len(data))

    def init(self, baudrate=1000000, **settings):
        pass

    def deinit(self):
        pass

    def read(self, n, write=0):
        return bytes(self._transfer(bytes([write]) * n))

    def readinto(self, buf, write=0):
        buf[:] = self._transfer(bytes([write]) * len(buf))

    def write(self, buf):
        self._transfer(bytes(buf))

    def write_readinto(self, out, into):
        if len(out) != len(into):
            raise ValueError("buffers must be the same length")
        into[:] = self._transfer(bytes(out))


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
