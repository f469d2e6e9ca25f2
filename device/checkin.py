"""Asks the host what to do: at start, when it calls, and now and then; later each time it cannot be reached."""

import asyncio
import os

from device.errors import HttpError, NetworkError

_BACKOFF_S = (5, 300)
_LINK_S = 15  # at start the first question waits this long for the MQTT session, so that no call falls in between
_LONGEST_S = 86400  # of a Retry-After
# Seconds to wait after an answer of this status, where it names none itself.
_WAIT_S = {401: 5, 403: 3600, 409: 3600, 410: 86400, 429: 60}


def jittered(seconds):
    """A time within 25 % of `seconds`, random: a power cut must not make all boards ask at once."""
    return seconds * (768 + 2 * os.urandom(1)[0]) // 1024 + 1


class Checkin:
    """The conversation over HTTPS: register, deliver reports, check for an update."""

    def __init__(self, wifi, clock, http, registration, reports, client, link, config, log):
        self._wifi = wifi
        self._clock = clock
        self._http = http
        self._registration = registration
        self._reports = reports
        self._client = client
        self._link = link
        self._config = config
        self._log = log
        self._wake = asyncio.Event()
        self._failures = 0
        self.is_busy = False
        self.rounds = 0

    def wake(self):
        """Ask now."""
        self._wake.set()

    async def run(self):
        """Task: round after round."""
        await self._wifi.wait()
        if self._registration.is_known:
            self._link.resume()
            await self._wait(_LINK_S)
        while True:
            await self._wifi.wait()
            self._wake.clear()
            self.is_busy = True
            try:
                wait_s = await self._round()
            finally:
                self.is_busy = False
                self.rounds += 1
                self._http.close()  # 26 kB that nobody needs until the next round
            await self._wait(wait_s)

    async def _round(self):
        """One conversation; returns seconds until the next."""
        try:
            await self._registration.ensure()
            self._link.resume()
            await self._reports.deliver()
            poll_s = await self._client.check() or self._config.poll_s
            await self._reports.deliver()
        except HttpError as e:
            return self._refused(e)
        except NetworkError as e:
            self._log("host", e.detail())
            if not self._clock.is_set:
                await self._clock.sync_ntp()
            return self._later()
        self._failures = 0
        return jittered(poll_s)

    def _refused(self, e):
        self._log("host", e.detail())
        if e.status == 401:
            self._registration.forget()
        wait_s = e.retry_after_s or _WAIT_S.get(e.status)
        return min(wait_s, _LONGEST_S) if wait_s else self._later()

    def _later(self):
        first_s, longest_s = _BACKOFF_S
        wait_s = min(first_s << min(self._failures, 10), longest_s)
        self._failures += 1
        return jittered(wait_s)

    async def _wait(self, seconds):
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except asyncio.TimeoutError:
            pass
