"""Whether a release on trial works: WiFi joined, host reached, application started and well."""

import asyncio
import time

WAIT = "wait"
HEALTHY = "healthy"

_STEADY_S = 10  # an app must have run this long without raising
_PERIOD_MS = 500


def steady_s(trial_s):
    """Seconds that an app must have run without raising, for a trial of this length."""
    return min(_STEADY_S, trial_s // 8)


def verdict(elapsed_s, contact_at_s, well_at_s, has_failed, trial_s, contact_limit_s):
    """WAIT, HEALTHY or the word for why not, so long after the trial began.

    `contact_at_s`: when the host was reached; `well_at_s`: since when the app is well; or None.
    """
    if has_failed:
        return "app-raised"
    if contact_at_s is None:
        return "no-contact" if elapsed_s >= contact_limit_s else WAIT
    settle_s = steady_s(trial_s)
    if well_at_s is not None and elapsed_s - well_at_s >= settle_s:
        return HEALTHY
    if elapsed_s >= max(trial_s, contact_at_s + 2 * settle_s):
        return "unhealthy"
    return WAIT


class Health:
    """Watches one trial."""

    def __init__(self, config, log):
        self._config = config
        self._log = log

    async def judge(self, application, wifi, has_contact):
        """None for a release that works, else the word for why not; within the deadlines."""
        start = time.ticks_ms()
        contact_at_s = well_at_s = None
        word = WAIT
        while word == WAIT:
            await asyncio.sleep_ms(_PERIOD_MS)
            elapsed_s = time.ticks_diff(time.ticks_ms(), start) / 1000
            has_failed = application.failure is not None
            if contact_at_s is None and wifi.is_joined and has_contact():
                contact_at_s = elapsed_s
                self._log("trial", "host reached after %d s" % elapsed_s)
            if not has_failed and contact_at_s is not None:
                is_well = application.is_started and await application.is_healthy()
                if application.failure is not None:
                    return "unhealthy"  # its health() raised
                well_at_s = (elapsed_s if well_at_s is None else well_at_s) if is_well else None
            word = verdict(
                elapsed_s,
                contact_at_s,
                well_at_s,
                has_failed,
                self._config.trial_s,
                self._config.contact_s,
            )
        return None if word == HEALTHY else word
