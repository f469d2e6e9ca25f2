"""Keeps the board up: restarts tasks that died, has a watchdog for what hangs, announces resets.

The watchdog is fed only while the loop and every thread are alive.
"""

import asyncio
import gc
import sys
import time

import machine
from micropython import const

# RTC memory (SPEC section 3): by it boot.py tells a crash from a reset of ours, and this start
# knows what the last one wished and counted. It survives all but a power-on.
_MAGIC = const(b"MPFR")
_NOTHING = const(0)
_ANNOUNCED = const(1)  # a reset of ours
_BLOCKING = const(2)  # inside a call of ours that may hold the loop: name look-up, logging on
_KEPT = const(3)  # bytes behind the flag: wish, rounds, walks
_ROUNDS = const(3)  # in update mode, until an update ends or the power does
_STARVED_BYTES = const(4096)
_PROVISIONING = const(2)  # a wish of the last run: that mode,
BY_BUTTON = const(3)  # or that mode, taking credentials at once
_LOOK_MS = 500
_HELD_MS = 5000
_DELAY_S = (1, 60)  # before a task that died is started again, later each time


def largest_blocks():
    """Largest free block of each region outside of the Python heap; nothing where none tells."""
    try:
        from esp32 import HEAP_DATA, idf_heap_info

        return [region[2] for region in idf_heap_info(HEAP_DATA)]
    except (ImportError, AttributeError):
        return []


def is_starved():
    """Whether nothing is left outside of the Python heap: TLS and WiFi fail then, or stall."""
    return max(largest_blocks(), default=_STARVED_BYTES) < _STARVED_BYTES


def free_heap():
    """Free bytes of the Python heap, without what an ESP32 counts as such: it may grow by that."""
    free = gc.mem_free()
    return free - max(largest_blocks()) if sys.platform == "esp32" else free


class Power:
    """The watchdog, and the ways to end this run."""

    free_heap = staticmethod(free_heap)
    is_starved = staticmethod(is_starved)

    def __init__(self, watchdog_s, log):
        self._log = log
        self._rtc = machine.RTC()
        wish, self.rounds, self.walks = self._recall()
        self.is_alone = wish == 1  # without the application: update mode
        self.watchdog_s = watchdog_s
        self._watchdog = None
        if watchdog_s > 0:
            self._watchdog = machine.WDT(timeout=watchdog_s * 1000)
            machine.Timer(
                0
            ).deinit()  # boot.py's, which feeds after a soft reset: from here on the loop must
        self.is_silent = None  # () -> bool: whether a thread of the application has gone silent
        self.before_reset = []  # async functions of a word: what ends before a planned reset
        self.before_sleep = []  # the same, before these, for a sleep only
        self._mark(_NOTHING)

    def feed(self):
        """Feed the watchdog, if there is one."""
        if self._watchdog:
            self._watchdog.feed()

    async def keep(self):
        """Task: feed while the loop turns and no thread has gone silent."""
        pause_ms = min(1000, self.watchdog_s * 200) or 1000
        while True:
            if not (self.is_silent and self.is_silent()):
                self.feed()
            await asyncio.sleep_ms(pause_ms)

    async def restart(self, why, wish=0):
        """A planned reset: the application tidies up, the host is told, then it is done."""
        for prepare in self.before_reset:
            await prepare(why)
        self.reset(why, wish)

    @property
    def may_retreat(self):
        """Whether there is update mode to go to; once there it is no better elsewhere."""
        return not self.is_alone and self.rounds < _ROUNDS

    async def retreat(self, why):
        """Restart into update mode, from there too; returns only where that was done too often."""
        if self.rounds < _ROUNDS:
            self.walks = 0
            for prepare in self.before_reset:
                await prepare(why)
            self.rounds += 1
            self._announce("update mode: " + why, 1)
            machine.reset()

    async def renew(self):
        """Restart in update mode, for a heap that is whole: no round is counted for that."""
        self.walks = 0
        await self.restart("update mode: a heap that is whole", 1)

    def remember(self, walks=0, rounds=None):
        """Count, past a reset: walks of an update that did not end, rounds in update mode."""
        self.walks = min(walks, 255)
        self.rounds = self.rounds if rounds is None else rounds
        self._mark(_NOTHING)

    async def sleep(self, seconds):
        """A planned deep sleep likewise; after it the board starts from the beginning."""
        why = "deep sleep for %s s" % seconds
        for prepare in self.before_sleep + self.before_reset:
            await prepare(why)
        self._announce(why)
        machine.deepsleep(min(int(seconds * 1000), 0x7FFFFFFF))  # 24 days: all an ESP32 takes

    def reset(self, why, wish=0):
        """Announce a reset, with what the next start is wished to be, and do it at once."""
        self._announce(why, wish)
        machine.reset()

    def _announce(self, why, wish=0):
        self._log("power", why)
        self._mark(_ANNOUNCED, wish)
        time.sleep_ms(50)  # the last line leaves the serial port

    def __enter__(self):
        """`with power:` around a call of ours that holds the loop: a reset there is no crash."""
        self.feed()
        self._mark(_BLOCKING)

    def __exit__(self, *_):
        self._mark(_NOTHING)
        self.feed()

    def _mark(self, flag, wish=0):
        self._rtc.memory(_MAGIC + bytes((flag, wish, self.rounds, self.walks)))

    def _recall(self):
        memory = self._rtc.memory()
        kept = memory[5 : 5 + _KEPT] if memory[:4] == _MAGIC else b""
        return kept if len(kept) == _KEPT else bytes(_KEPT)


async def supervise(table, log, on_memory_error):
    """Start each (name, async function), and stay; one that returns has done its work.

    `on_memory_error`, async, is told the name of one that ran out of memory.
    """
    await asyncio.gather(
        *[asyncio.create_task(_keep(name, body, log, on_memory_error)) for name, body in table]
    )


async def _keep(name, body, log, on_memory_error):
    delay_s, longest_s = _DELAY_S
    while True:
        try:
            return await body()
        except Exception as e:
            log(name, "died:", repr(e))
            sys.print_exception(e)
            if isinstance(e, MemoryError):
                gc.collect()
                await on_memory_error(name)
        await asyncio.sleep(delay_s)
        delay_s = min(delay_s * 2, longest_s)


async def make_way(power, config, wifi, record):
    """Task: reset into provisioning when the button is held, or WiFi was away for too long."""
    pin, away_ms = config.button_pin, config.away_s * 1000
    button = machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_UP) if pin >= 0 else None
    held_ms = lost_ms = 0
    while True:
        await asyncio.sleep_ms(_LOOK_MS)
        held_ms = held_ms + _LOOK_MS if button and not button.value() else 0
        lost_ms = 0 if wifi.is_joined else lost_ms + _LOOK_MS
        if record.trial != "-":
            continue  # it is judged first
        if held_ms >= _HELD_MS:
            await power.restart("provisioning: the button is held", BY_BUTTON)
        if 0 < away_ms <= lost_ms:
            await power.restart("provisioning: WiFi is away", _PROVISIONING)
