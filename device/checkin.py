"""When to talk to the host: at start, when it calls, now and then; later each time it is away.

What a talk takes is loaded for it and dropped after it.
"""

import asyncio
import gc
import os
import sys
import time

from micropython import const

from device.errors import HttpError, NetworkError, Untrusted
from device.power import free_heap, largest_blocks

_BACKOFF_S = (5, 300)
# at start the first question waits this long for the MQTT session, so that no call falls in
# between
_LINK_S = const(15)
_LONGEST_S = const(86400)  # of a Retry-After
_ROOM_BYTES = const(40960)  # a TLS session takes 26 kB, WiFi some buffers while data flow
_SHORT = const(3)  # times out of memory without a good talk between: the application is in the way
_SHORT_DAY = const(1440)  # as often as a task dies in a day
_LONGEST_POLL_S = const(400000)  # asyncio counts milliseconds modulo 2**30 on a 32-bit chip
_FORGET_S = const(5)  # after a first 401: it is registered anew at once, but only once an hour
_AGAIN_MS = const(3600000)
# Seconds to wait after an answer of this status, where it names none itself.
_WAIT_S = {401: 3600, 403: 3600, 409: 3600, 410: 86400, 429: 60}
# Loaded when they are wanted, dropped when they are not: half of the runtime.
_TRANSIENT = (
    "device.conversation",
    "device.http",
    "device.registration",
    "device.start",
    "device.update.",
)
_RESIDENT = "device.update.record"


def jittered(seconds):
    """A random time within 25 % of `seconds`: after a power cut not all boards ask at once."""
    return max(1, seconds) * (768 + 2 * os.urandom(1)[0]) // 1024 + 1


def is_short(blocks, sessions):
    """Whether so many more sessions would leave too little for WiFi, or not fit at all."""
    return bool(blocks) and max(blocks) < _ROOM_BYTES * sessions


def drop(names=_TRANSIENT):
    """Forget modules that nobody uses just now, and give their heap back.

    `names` are how they begin; a whole package ends in a dot.
    """
    for name in list(sys.modules):
        if name.startswith(names) and name != _RESIDENT:
            del sys.modules[name]
            package, _, last = name.rpartition(".")
            if hasattr(sys.modules[package], last):  # not so where its import failed
                delattr(sys.modules[package], last)
    gc.collect()


class NoLink:
    """Stands for the MQTT session where there is none, which is in update mode."""

    is_online = False

    def publish(self, *_):
        """Nobody hears it."""

    async def pause(self):
        """There is nothing to end."""

    def resume(self):
        """There is nothing to begin."""


class Talks:
    """Opens and closes conversations with the host, with the modules that they take."""

    def __init__(self, runtime):
        self._runtime = runtime
        self._talk = None

    def open(self):
        """The conversation, loaded if it is not."""
        if self._talk is None:
            from device.conversation import build

            self._talk = build(self._runtime)
        return self._talk

    def close(self):
        """End the connection, and forget the rest unless an update is under way."""
        if self._talk is None:
            return
        self._talk.http.close()
        if self._talk.is_over:
            self._talk = None
            drop()


class Checkin:
    """Talk after talk. `talks` opens and closes conversations (device/conversation.py)."""

    def __init__(self, wifi, clock, talks, link, power, config, log):
        self._wifi = wifi
        self._clock = clock
        self._talks = talks
        self._link = link
        self._power = power
        self._config = config
        self._log = log
        self._wake = asyncio.Event()
        self._is_told_to_wait = False
        self._failures = self._shortages = 0
        self._forgot_ms = None  # when the host last refused our secret
        self._is_known = False
        self.is_tight = False  # the memory did not bear MQTT's session beside HTTPS
        self.is_busy = False
        self.has_talked = False  # a talk came to an end that the host knows of
        self.rounds = 0

    def wake(self):
        """Talk now."""
        self._wake.set()

    async def run(self, is_known):
        """Task: talk after talk. `is_known`: the host knew this board before."""
        await self._wifi.wait()
        if is_known:
            self._meet()
            if not self._power.is_alone:  # else there is no session to wait for
                await self._wait(_LINK_S)
        while True:
            await self._wifi.wait()
            self._wake.clear()
            self.is_busy = True
            try:
                wait_s = await self._talk()
            finally:
                gc.collect()
                talking = gc.mem_alloc()
                self._talks.close()
                self.is_busy = False
                self.rounds += 1
                if self._is_known:
                    self._meet()
            await asyncio.sleep_ms(0)  # until it is off the stack, what was dropped is no garbage
            gc.collect()
            self._log("heap", "free", free_heap(), "used", gc.mem_alloc(), "talking", talking)
            await self._wait(wait_s)

    async def _talk(self):
        """One conversation; returns seconds until the next."""
        sessions = 1 if self._link.is_online else 2  # MQTT's comes with or after this talk
        self.is_tight = self.is_tight or is_short(largest_blocks(), sessions)
        if self.is_tight:
            await self._link.pause()
        talk = self._talks.open()
        try:
            poll_s = await talk.run(self._meet) or self._config.poll_s
        except HttpError as e:
            return self._refused(e, talk)
        except Untrusted as e:
            self._log("host", e.detail())
            self.has_talked = True
            return self._later(self._config.poll_s)
        except NetworkError as e:
            self._log("host", e.detail())
            if e.code == "out-of-memory":
                if self.is_tight:
                    await self.run_short()
                self.is_tight = True
            if not self._clock.is_set:
                await self._clock.sync_ntp()
            return self._later()
        self._failures = self._shortages = 0
        self.has_talked = True
        return jittered(min(poll_s, _LONGEST_POLL_S))

    async def run_short(self):
        """A task ran out of memory: the heap bears no update, perhaps not even a talk."""
        self._shortages += 1
        if self._shortages % _SHORT_DAY == 0:
            self._power.remember(rounds=0)  # whatever it is, it gets another chance each day
        if self._shortages >= _SHORT:
            self._talks.close()
            await self._power.retreat("out of memory")

    def _meet(self):
        """The host knows this board: so does its broker."""
        self._is_known = True
        if not (self.is_busy and self.is_tight):
            self._link.resume()

    def _refused(self, e, talk):
        self._log("host", e.detail())
        self.has_talked = e.status < 500
        wait_s = e.retry_after_s or _WAIT_S.get(e.status)
        self._is_told_to_wait = bool(wait_s)
        if e.status == 401:
            talk.registration.forget()
            now = time.ticks_ms()
            if self._forgot_ms is None or time.ticks_diff(now, self._forgot_ms) > _AGAIN_MS:
                wait_s = _FORGET_S
            self._forgot_ms = now
        return min(wait_s, _LONGEST_S) if wait_s else self._later()

    def _later(self, longest_s=_BACKOFF_S[1]):
        wait_s = min(_BACKOFF_S[0] << min(self._failures, 10), longest_s)
        self._failures += 1
        return jittered(wait_s)

    async def _wait(self, seconds):
        if self._is_told_to_wait:  # by the host: nobody else may cut that short
            self._is_told_to_wait = False
            return await asyncio.sleep(seconds)
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except asyncio.TimeoutError:
            pass
