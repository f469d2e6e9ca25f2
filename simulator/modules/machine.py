"""machine on a virtual board: pins, buses, clocks and resets of an ESP32."""

from umachine import Signal, idle, mem8, mem16, mem32, time_pulse_us
import binascii
import _board

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5
SLEEP = 2
DEEPSLEEP = 4
PIN_WAKE = 2
TIMER_WAKE = 4

_frequency = 160000000


def reset():
    _board.end("reset")


def soft_reset():
    raise SystemExit


def deepsleep(time_ms=0):
    _board.end("sleep", time_ms)


def lightsleep(time_ms=0):
    import utime

    utime.sleep_ms(time_ms)


def reset_cause():
    return _board.facts["cause"]


def wake_reason():
    return TIMER_WAKE if _board.facts["cause"] == DEEPSLEEP_RESET else 0


def unique_id():
    return binascii.unhexlify(_board.facts["id"])


def freq(hz=None):
    global _frequency
    if hz is None:
        return _frequency
    if hz not in (20000000, 40000000, 80000000, 160000000, 240000000):
        raise ValueError("frequency must be 20MHz, 40MHz, 80Mhz, 160MHz or 240MHz")
    _frequency = hz


def disable_irq():
    return 0


def enable_irq(state):
    pass


class Pin:
    """A pin whose level the board keeps."""

    IN, OUT, OPEN_DRAIN = 1, 3, 7
    PULL_DOWN, PULL_UP = 1, 2
    IRQ_RISING, IRQ_FALLING = 1, 2
    WAKE_LOW, WAKE_HIGH = 4, 5
    DRIVE_0, DRIVE_1, DRIVE_2, DRIVE_3 = 0, 1, 2, 3

    def __init__(self, id, mode=-1, pull=-1, *, value=None, drive=None, hold=None):
        if isinstance(id, Pin):
            id = id._id
        if not 0 <= id < 40 or id in (20, 24, 28, 29, 30, 31):
            raise ValueError("invalid pin")
        self._id = id
        self._is_output = False
        if mode != -1 or pull != -1 or value is not None:
            self.init(mode, pull, value=value)

    def init(self, mode=-1, pull=-1, *, value=None, drive=None, hold=None):
        if mode in (self.OUT, self.OPEN_DRAIN) and self._id >= 34:
            raise ValueError("pin can only be input")
        self._is_output = mode in (self.OUT, self.OPEN_DRAIN)
        if self._is_output:
            self.value(value or 0)
        else:
            pulls_up = {self.PULL_UP: True, self.PULL_DOWN: False}.get(pull)
            _board.call("pin_setup", self._id, pulls_up)

    def value(self, level=None):
        if level is None:
            return _board.call("pin_level", self._id)
        _board.tell("pin_drive", self._id, 1 if level else 0)

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def toggle(self):
        self.value(not self.value())

    def irq(self, handler=None, trigger=3, wake=None, hard=False):
        _board.call("pin_irq", self._id, trigger if handler else 0)
        if handler:
            _board.on_event(b"p", self._id, lambda: handler(self))
        else:
            _board.no_event(b"p", self._id)

    def __repr__(self):
        return "Pin(%u)" % self._id


class Timer:
    """Timers that end with any reset; callbacks run between two instructions of the program, also
    at the prompt.
    """

    ONE_SHOT, PERIODIC = 0, 1

    def __init__(self, id, **settings):
        self._id = id
        if settings:
            self.init(**settings)

    def init(self, *, mode=1, period=-1, callback=None, freq=None, hard=False):
        if freq:
            period = max(1, int(1000 / freq))
        self._callback = callback
        _board.on_event(b"t", self._id, self._expired)
        _board.call("timer", self._id & 0xFFFF, period, mode == self.PERIODIC)

    def _expired(self):
        if self._callback:
            self._callback(self)

    def deinit(self):
        _board.call("timer_stop", self._id & 0xFFFF)
        _board.no_event(b"t", self._id)
        self._callback = None

    def value(self):
        return 0

    def __repr__(self):
        return "Timer(%d)" % self._id


class WDT:
    """Cannot be stopped, and goes on over a soft reset."""

    def __init__(self, id=0, timeout=5000):
        if id:
            raise ValueError
        if timeout <= 0:
            raise ValueError("WDT timeout too short")
        _board.call("wdt", timeout)

    def feed(self):
        _board.tell("feed")


class RTC:
    """The board's clock and the memory beside it."""

    def __init__(self, *_):
        pass

    def datetime(self, value=None):
        import time
        import utime

        if value is None:
            us = utime.ticks_us() + _board.facts["offset_us"]
            t = time.gmtime(us // 1000000)
            return (t[0], t[1], t[2], t[6], t[3], t[4], t[5], us % 1000000)
        seconds = time.mktime((value[0], value[1], value[2], value[4], value[5], value[6]))
        offset = seconds * 1000000 + value[7] - utime.ticks_us()
        _board.facts["offset_us"] = offset
        _board.call("clock_set", offset)

    def init(self, value):
        self.datetime(value)

    def memory(self, data=None):
        if data is None:
            return binascii.unhexlify(_board.call("memory"))
        if len(data) > 2048:
            raise ValueError("buffer too long")
        if isinstance(data, str):
            data = data.encode()
        _board.call("memory_set", binascii.hexlify(data).decode())


def __getattr__(name):
    """Buses and converters are loaded when somebody wants one: most programs do not."""
    import _buses

    try:
        found = getattr(_buses, name)
    except AttributeError:
        raise AttributeError("'module' object has no attribute '" + name + "'")
    globals()[name] = found
    return found
