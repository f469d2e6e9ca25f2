"""How long what a role signs is good for, and when somebody should do something about it. Pure."""

from datetime import UTC, datetime, timedelta

_DAY = timedelta(days=1)
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)  # of clock-based versions
ONLINE = ("snapshot", "timestamp")  # signed by the host itself

PERIODS = {"root": 5 * 365 * _DAY, "targets": 400 * _DAY, "snapshot": 30 * _DAY,
           "timestamp": 7 * _DAY}  # fmt: skip
# An alarm is raised when less is left. The host signs its own at half their life, so theirs
# only ring where it fails to.
_ALARMS = {"root": 365 * _DAY, "targets": 90 * _DAY, "snapshot": 10 * _DAY, "timestamp": 2 * _DAY}
_ENGINE = "the engine signs it: does mpfleet serve run, and what does it say?"
_ADVICE = {
    "root": "sign it anew: mpfleet keys renew",
    "targets": "approve a release, or sign it anew: mpfleet keys renew",
    "snapshot": _ENGINE,
    "timestamp": _ENGINE,
}
# Boards trust newer ones than this host holds.
_BEHIND = {
    "targets": "Sign anew above: mpfleet keys renew",
    "root": "Put the newer N.root.json back, from a newer backup or an approver's profile",
}


def period(role):
    """How long metadata of a role is good; a product's is as the targets that delegate to it."""
    return PERIODS.get(role, PERIODS["targets"])


def is_due(role, expires, now):
    """Whether half the life of some metadata is over."""
    return expires - now < period(role) / 2


def version(previous, now):
    """The next version of an online role: by the clock, so that it outruns any backup."""
    minutes = int((now - _EPOCH) / timedelta(minutes=1))
    return max(previous + 1, minutes)


def alarms(expiries, now):
    """A sentence for each role, of {role: moment}, that has not long to go; the soonest first."""
    soon = [
        (expires, role)
        for role, expires in expiries.items()
        if expires - now < _ALARMS.get(role, _ALARMS["targets"])
    ]
    return [_say(role, expires, now) for expires, role in sorted(soon)]


def behind(held, seen):
    """A sentence for each role, of {role: version}, of which boards trust newer than is held."""
    return [
        f"Boards may trust newer {role} (up to {seen[role]}) than this host holds ({held[role]}): "
        f"was it restored from an older backup? {advice}"
        for role, advice in _BEHIND.items()
        if seen.get(role, 0) > held[role]
    ]


def _say(role, expires, now):
    days = (expires - now) // _DAY
    when = "has expired: boards take no updates" if expires <= now else f"expires in {days} days"
    return f"The {role} metadata {when}; {_ADVICE.get(role, _ADVICE['targets'])}"
