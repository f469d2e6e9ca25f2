"""What goes on in a chip by itself."""

import threading

import pytest

from simulator.clockwork import RealTimeClock, Timers, Watchdog
from simulator.loop import Loop


@pytest.fixture
def loop():
    loop = Loop("test")
    loop.start()
    yield loop
    loop.stop()


def test_a_stopped_timer_tells_nothing(loop):
    told = []
    timers = Timers(loop, told.append)
    loop.call(timers.start, 1, 20, True)
    loop.call(timers.stop_all)
    later = threading.Event()
    loop.call(loop.after, 0.05, later.set)
    assert (later.wait(5), told) == (True, [])


def test_a_timer_tells_its_number(loop):
    told, once = [], threading.Event()
    timers = Timers(loop, lambda event: (told.append(event), once.set()))
    loop.call(timers.start, 258, 1, False)
    assert (once.wait(5), told) == (True, [b"t\x02\x01"])


def test_a_watchdog_without_power_does_not_bite(loop):
    bites, later = [], threading.Event()
    watchdog = Watchdog(loop, lambda: bites.append(1))
    loop.call(watchdog.arm, 0.02)
    loop.call(watchdog.lose_power)
    loop.call(loop.after, 0.05, later.set)
    assert (later.wait(5), bites) == (True, [])


def test_a_clock_that_was_set_shows_that_time():
    clock = RealTimeClock()
    clock.unix_time = 1_795_000_000
    assert int(clock.unix_time) == 1_795_000_000
