"""What a rollout does next: a pure function of its standing, its devices and the time.

Nothing here asks a clock or a database. What was decided may be carried out in part, or twice: the
next round decides anew of what is then.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from host.rollouts.member import (
    AWAY,
    DONE,
    ENDED,
    FAILED,
    LATE,
    NEWER,
    OFFERED,
    OPEN,
    PAUSED,
    SILENT,
    STARTED,
    WAITING,
    WINDOW,
)
from host.rollouts.plan import Plan

RUNNING, STOPPED, FINISHED, ABORTED = "running", "paused", "finished", "aborted"
_PERCENT = 100


@dataclass(frozen=True)
class Standing:
    """Where a rollout is."""

    plan: Plan
    state: str
    wave: int  # the last one that was begun, from 0
    reached_at: datetime | None  # when this wave had its successes; from then on it soaks
    judged_from: datetime | None  # failures before that were seen by the person who went on
    ends_at: datetime | None


class Offer(NamedTuple):
    """The device is to take the release."""

    device: str


class TakeBack(NamedTuple):
    """An offer that the board has not begun is void."""

    device: str
    why: str


class Lose(NamedTuple):
    """The board began, and was not heard of in time."""

    device: str
    why: str


class Forgive(NamedTuple):
    """A lost board is back, and had not tried the release: it was interrupted, no more."""

    device: str


class Reach(NamedTuple):
    """The wave has its successes: it soaks."""

    wave: int


class Advance(NamedTuple):
    """The next wave begins."""

    wave: int


class Pause(NamedTuple):
    """Nothing more is offered until a person has looked."""

    why: str


class Finish(NamedTuple):
    """It is over."""

    why: str


def decide(rollout, members, now):
    """The decisions for this moment, in the order in which they are to be carried out."""
    members, lost = _lose(rollout.plan, members, now)
    members, forgiven = _forgive(rollout, members)
    told = lost + forgiven
    if rollout.state != RUNNING:
        return [*told, *_take_back_all(members, PAUSED if rollout.state == STOPPED else ENDED)]
    if rollout.plan.starts_at and now < rollout.plan.starts_at:
        return told
    why = _too_many_failures(rollout, members, now)
    if why:
        return [*told, Pause(why), *_take_back_all(members)]
    if rollout.ends_at and now >= rollout.ends_at:
        return [*told, *_end(members)]
    taken = _take_back(rollout.plan, members, now)
    rollout, steps = _walk(rollout, members, now)
    if any(isinstance(step, Pause) for step in steps):
        return [*told, *steps, *_take_back_all(members)]
    return [*told, *taken, *steps, *_offers(rollout, members, now)]


def _lose(plan, members, now):
    """The members with those counted as failed that are lost, and the decisions that say so."""
    found = {one.device: why for one in members if (why := _why_lost(plan, one, now))}
    after = [
        one._replace(state=FAILED, counts=True, since=now) if one.device in found else one
        for one in members
    ]
    return after, [Lose(device, why) for device, why in found.items()]


def _forgive(rollout, members):
    if rollout.state not in (RUNNING, STOPPED):
        return members, []
    found = {one.device for one in members if one.is_back}
    after = [one._replace(state=WAITING) if one.device in found else one for one in members]
    return after, [Forgive(one.device) for one in members if one.device in found]


def _why_lost(plan, member, now):
    """SILENT, LATE or None. Whoever has not asked since the offer knows nothing of it."""
    has_begun = member.state == STARTED or (member.state == OFFERED and member.has_asked)
    if not has_begun:
        return None
    if now - _heard(member) > timedelta(seconds=plan.silent_s) and not member.is_online:
        return SILENT
    if now - member.offered_at > timedelta(seconds=plan.deadline_s):
        return LATE
    return None


def _heard(member):
    return max(member.since, member.seen_at or member.since)


def is_away(plan, member, now):
    """Whether a board is not to be reached just now: it has its turn when it is back."""
    if member.is_online:
        return False
    return member.seen_at is None or now - member.seen_at > timedelta(seconds=plan.silent_s)


def counted(rollout, members):
    """Failures that speak against the release, and that no person has gone on after."""
    since = rollout.judged_from
    return [
        one
        for one in members
        if one.state == FAILED and one.counts and (since is None or one.since > since)
    ]


def _too_many_failures(rollout, members, now):
    failed = counted(rollout, members)
    if len(failed) >= rollout.plan.failures:
        return "failures"
    by_wave = Counter(one.wave for one in failed)
    for wave, count in by_wave.items():
        rest = sum(1 for one in members if one.wave == wave and _is_in(rollout.plan, one, now))
        if count * _PERCENT >= rollout.plan.failure_rate * (count + rest):
            return "failure-rate"
    return None


def _is_in(plan, member, now):
    """Whether a member took it, takes it, or would if it were asked now."""
    is_waiting = member.state == WAITING and not is_away(plan, member, now)
    return member.state in (DONE, *OPEN) or is_waiting


def _walk(rollout, members, now):
    """Through waves that have what they need: (where it is then, the decisions on the way)."""
    steps = []
    while True:
        need = _lacks(rollout, members, now)
        if need == "stuck":
            return rollout, [*steps, Pause("success")]
        if need:
            return rollout, steps
        if rollout.reached_at is None:
            rollout = replace(rollout, reached_at=now)
            steps.append(Reach(rollout.wave))
        if now < rollout.reached_at + timedelta(seconds=rollout.plan.soak_s):
            return rollout, steps
        if rollout.wave + 1 >= rollout.plan.wave_count:
            return rollout, steps + ([] if _is_left(members) else [Finish("complete")])
        rollout = replace(rollout, wave=rollout.wave + 1, reached_at=None)
        steps.append(Advance(rollout.wave))


def _lacks(rollout, members, now):
    """What keeps the wave from being reached: "time", "stuck" (no time will help), or None."""
    if rollout.reached_at is not None:
        return None
    ours = [one for one in members if one.wave == rollout.wave]
    done = sum(1 for one in ours if one.state == DONE)
    failed = len(counted(rollout, ours))
    away = [one for one in ours if one.state == WAITING and is_away(rollout.plan, one, now)]
    pending = sum(1 for one in ours if one.state in (*OPEN, WAITING)) - len(away)
    # The first wave is there to prove something: somebody must have taken it.
    is_proved = done or rollout.wave or not ours
    if is_proved and done * _PERCENT >= rollout.plan.success * (done + failed + pending):
        return None
    return "time" if pending or (away and not is_proved) else "stuck"


def _is_left(members):
    return any(one.state in (*OPEN, WAITING) for one in members)


def _end(members):
    """Its time is over: what is under way may end, then it is finished."""
    under_way = any(one.state == STARTED for one in members)
    taken = _take_back_all(members, AWAY)
    return taken if under_way else [*taken, Finish("time")]


def _take_back_all(members, why=PAUSED):
    return [TakeBack(one.device, why) for one in members if one.state == OFFERED]


def _take_back(plan, members, now):
    """Offers that nobody has begun, and that are not for now."""
    found = []
    for one in members:
        if one.state != OFFERED:
            continue
        if one.newer:
            found.append(TakeBack(one.device, f"{NEWER}{one.newer}"))
        elif is_away(plan, one, now) and not one.has_asked:
            found.append(TakeBack(one.device, AWAY))
        elif plan.window and not plan.window.is_open(one.zone, now):
            found.append(TakeBack(one.device, WINDOW))
    return found


def _offers(rollout, members, now):
    """Who is next, the earlier waves first, as many as may be under way."""
    free = rollout.plan.in_flight - sum(1 for one in members if one.state in OPEN)
    window = rollout.plan.window
    ready = [
        one
        for one in members
        if one.state == WAITING
        and one.wave <= rollout.wave
        and not one.is_busy
        and not is_away(rollout.plan, one, now)
        and (window is None or window.is_open(one.zone, now))
    ]
    ready.sort(key=lambda one: one.wave)
    return [Offer(one.device) for one in ready[: max(0, free)]]
