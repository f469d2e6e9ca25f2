"""When a device may be updated: hours of its own day, on some days of its week."""

from dataclasses import dataclass
from datetime import time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SHAPE = "a window is {\"from\": \"02:00\", \"to\": \"05:00\", \"days\": [\"mon\", …]}"


@dataclass(frozen=True)
class Window:
    """From `begin` to before `end`; over midnight where `end` is the earlier.

    Its day is the one on which it begins.
    """

    begin: time
    end: time
    days: tuple[str, ...] = DAYS

    @classmethod
    def parse(cls, value):
        """A window of its JSON. Raises: ValueError."""
        if not isinstance(value, dict) or set(value) - {"from", "to", "days"}:
            raise ValueError(_SHAPE)
        begin, end = (_hour(value.get(name)) for name in ("from", "to"))
        days = value.get("days", list(DAYS))
        if not isinstance(days, list) or not all(day in DAYS for day in days):
            raise ValueError(f"days of a window are of {', '.join(DAYS)}")
        if begin == end or not days:
            raise ValueError("this window never opens")
        return cls(begin, end, tuple(day for day in DAYS if day in days))

    def describe(self):
        """The JSON of it."""
        hours = {"from": f"{self.begin:%H:%M}", "to": f"{self.end:%H:%M}"}
        return {**hours, "days": list(self.days)}

    def is_open(self, zone, now):
        """Whether it is open at `now` where the clocks show the time of `zone`."""
        local = now.astimezone(_zone(zone))
        yesterday = local - timedelta(days=1)
        if self.begin < self.end:
            return self._is_on(local) and self.begin <= local.time() < self.end
        return (self._is_on(local) and local.time() >= self.begin) or (
            self._is_on(yesterday) and local.time() < self.end
        )

    def _is_on(self, moment):
        return DAYS[moment.weekday()] in self.days


def is_zone(name):
    """Whether this names a time zone, like `Europe/Berlin`."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder of zones
        return False
    return True


@lru_cache(maxsize=512)
def _zone(name):
    return ZoneInfo(name or "UTC")


def _hour(given):
    try:
        return time.fromisoformat(given).replace(second=0, microsecond=0, tzinfo=None)
    except (TypeError, ValueError) as error:
        raise ValueError(_SHAPE) from error
