"""How a rollout goes: its waves, thresholds, deadlines and window, read from JSON and checked."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from host.rollouts.window import Window

_PERCENT = 100
_WAVES_MAX = 20
_DAY_S = 86_400
_DEVICES_MAX = 1_000_000

# name: (default, least, most, what it is)
NUMBERS = {
    "canary": (1, 0, 10_000, "devices"),
    "success": (90, 1, _PERCENT, "percent"),
    "soak_s": (600, 0, 30 * _DAY_S, "seconds"),
    "failures": (3, 1, _DEVICES_MAX, "devices"),
    "failure_rate": (20, 1, _PERCENT, "percent"),
    "in_flight": (100, 1, 100_000, "devices"),
    "silent_s": (7_200, 60, 30 * _DAY_S, "seconds"),  # longer than an hourly poll with its jitter
    "deadline_s": (_DAY_S, 60, 30 * _DAY_S, "seconds"),
    "days": (30, 1, 365, "days"),
}
_WAVES = (10, 30, 60)
_FIELDS = (*NUMBERS, "waves", "canary_tag", "window", "starts_at")


class PlanError(ValueError):
    """What was asked for cannot be; the text says why."""


@dataclass(frozen=True)
class Plan:
    """Percentages are of the wave, but for those of `waves`: they divide what is no canary."""

    canary: int  # devices of the first wave; with `canary_tag` all that have it
    success: int  # percent of a wave that must have done it before the next one begins
    soak_s: int  # and this long afterwards
    failures: int  # so many in all pause it
    failure_rate: int  # or so many percent of a wave
    in_flight: int  # offered or under way at a time, at most
    silent_s: int  # without a word for so long: away, or lost if it had begun
    deadline_s: int  # an update that has not ended by then is lost, silent or not
    days: int  # then it ends, whoever is still away
    waves: tuple[int, ...] = _WAVES
    canary_tag: str | None = None
    window: Window | None = None
    starts_at: datetime | None = None

    @property
    def has_canaries(self):
        """Whether the first wave is one of canaries."""
        return bool(self.canary or self.canary_tag)

    def wave_name(self, n):
        """What people call the wave of this index."""
        return "canaries" if self.has_canaries and not n else f"wave {n + (not self.has_canaries)}"

    @property
    def wave_count(self):
        """How many waves there are, canaries included."""
        return len(self.waves) + self.has_canaries


def parse(value):
    """A plan of the JSON of SPEC section 11. What is missing has its default.

    Raises: PlanError.
    """
    if not isinstance(value, dict):
        raise PlanError("a plan is an object")
    stray = sorted(set(value) - set(_FIELDS))
    if stray:
        raise PlanError(f"a plan has no {stray[0][:32]!r}; it has {', '.join(_FIELDS)}")
    numbers = {name: _number(value, name) for name in NUMBERS}
    return Plan(
        waves=_waves(value.get("waves", _WAVES)),
        canary_tag=_text(value.get("canary_tag"), "canary_tag"),
        window=None if value.get("window") is None else _window(value["window"]),
        starts_at=_moment(value.get("starts_at")),
        **numbers,
    )


def describe(plan):
    """The JSON of a plan: `parse` makes the same of it."""
    value = asdict(plan)
    value["waves"] = list(plan.waves)
    value["window"] = plan.window and plan.window.describe()
    value["starts_at"] = plan.starts_at and plan.starts_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return value


def _number(value, name):
    default, least, most, unit = NUMBERS[name]
    given = value.get(name, default)
    if type(given) is not int or not least <= given <= most:
        raise PlanError(f"{name} is {_shown(given)}, not {least} to {most} {unit}")
    return given


def _waves(given):
    is_list = isinstance(given, list | tuple) and 0 < len(given) <= _WAVES_MAX
    if not is_list or not all(type(one) is int and one > 0 for one in given):
        raise PlanError(f"waves are 1 to {_WAVES_MAX} percentages above 0, like [10, 30, 60]")
    if sum(given) != _PERCENT:
        together = " + ".join(map(str, given))
        raise PlanError(f"the waves add up to {sum(given)} %, not 100: {together}")
    return tuple(given)


def _window(given):
    try:
        return Window.parse(given)
    except ValueError as error:
        raise PlanError(str(error)) from error


def _text(given, name):
    if given is not None and (not isinstance(given, str) or not given):
        raise PlanError(f"{name} is {_shown(given)}, not a text")
    return given


def _moment(given):
    if given is None:
        return None
    try:
        made = datetime.fromisoformat(given)
    except (TypeError, ValueError) as error:
        raise PlanError(f"starts_at is {_shown(given)}, no time like 2026-12-01T02:00Z") from error
    if made.tzinfo is None:
        raise PlanError(f"starts_at is {_shown(given)}: say in which zone, like …+01:00 or …Z")
    return made.astimezone(UTC)


def _shown(given):
    return repr(given)[:40]
