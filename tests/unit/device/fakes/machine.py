"""Stand-in for ESP32's `machine`: what is called of it is printed, for a test to read."""
# ruff: noqa: T201 - printing is what it does

RESET_CAUSE = 1


class RTC:
    stored = b""
    time = None

    def memory(self, value=None):
        if value is None:
            return RTC.stored
        RTC.stored = bytes(value)
        return None

    def datetime(self, value=None):
        if value is not None:
            RTC.time = value
            print("rtc", value)
        return RTC.time


class WDT:
    fed = 0

    def __init__(self, timeout):
        print("wdt", timeout)

    def feed(self):
        WDT.fed += 1


class Timer:
    def __init__(self, number):
        pass

    def init(self, period, callback):
        print("timer", period)

    def deinit(self):
        pass


def unique_id():
    return b"\x24\x6f\x28\x01\x02\x03"


def reset_cause():
    return RESET_CAUSE


class Ended(BaseException):
    """The chip runs no more: nothing may catch this but a test."""


def reset():
    print("machine.reset", RTC.stored)
    raise Ended


def deepsleep(ms):
    print("machine.deepsleep", ms, RTC.stored)
    raise Ended


class Pin:
    IN, OUT, PULL_UP = 1, 3, 2

    def __init__(self, number, mode=None, pull=None, value=1):
        self._value = value

    def value(self, value=None):
        if value is not None:
            self._value = value
        return self._value
