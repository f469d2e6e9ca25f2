"""A process of the host that is started again when it dies, later each time."""

import os
import signal
import subprocess
import sys

from host.serve import handover

_DELAYS_S = (0.5, 1, 2, 5, 10, 30)
_STEADY_S = 60  # up for this long, it starts with the shortest delay again


def delay_s(deaths):
    """How long to wait before the start after this many deaths in a row. Pure."""
    return _DELAYS_S[min(deaths, len(_DELAYS_S)) - 1]


class Child:
    """One process in a group of its own, so that a Ctrl-C reaches it through us, in our order."""

    def __init__(self, role, settings):
        self.role = role
        self.deaths = 0
        self._settings = settings
        self._process = None
        self._started_at = 0.0
        self._start_at = 0.0

    def start(self, now):
        """Start it."""
        self._started_at = now
        # The pipe is a lifeline: the child ends when we are gone, however we went.
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "host.serve", self.role],
            stdin=subprocess.PIPE,
            env=handover.give(self._settings),
            start_new_session=True,
        )

    def look(self, now):
        """Start it again when that is due. A sentence if it was found dead, else None."""
        if self._process is None:
            if now >= self._start_at:
                self.start(now)
            return None
        if not self._has_ended():
            return None
        self.deaths = 1 if now - self._started_at > _STEADY_S else self.deaths + 1
        wait_s = delay_s(self.deaths)
        self._start_at = now + wait_s
        return f"{self.role} ended ({_status(self._reap())}); it starts again in {wait_s:g} s"

    def tell_to_end(self):
        """Ask it to end."""
        if self._process is not None and not self._has_ended():
            self._process.terminate()

    def is_gone(self):
        """Whether it has ended, or never ran."""
        return self._process is None or self._has_ended()

    def end(self):
        """End it now, with whatever it started."""
        if self._process is not None:
            self._reap()

    def _has_ended(self):
        # Not reaped yet: its id, which is its group's, stays its own until the group is ended.
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, flags) is not None

    def _reap(self):
        process, self._process = self._process, None
        os.killpg(process.pid, signal.SIGKILL)
        process.stdin.close()
        return process.wait()


def _status(code):
    return signal.Signals(-code).name if code < 0 else f"status {code}"
