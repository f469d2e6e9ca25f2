"""Rollouts as people see them: ask for one, look at it, pause it, go on."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, update

from host.errors import HostError
from host.models import Assignment, Rollout, RolloutDevice
from host.models.assignment import FAILED
from host.models.rollout import ACTIVE
from host.rollouts import plan as plans
from host.rollouts import waves
from host.rollouts.member import ENDED, PAUSED, SPARED
from host.services import assignments, devices, events, groups, permissions, rolling
from host.services.clock import utc

_TARGET = ("devices", "tags", "group", "percent")
_LISTED_MAX = 100
_WHYS = {  # what a rollout paused or ended for, in words, and what to do
    "failures": "Too many boards failed. Look at them, then retry, resume or abort.",
    "failure-rate": "Too large a part of a wave failed. Look, then retry, resume or abort.",
    "success": "Too few of the wave took it, and no more will. Retry, promote or abort.",
    "complete": "Every device has it.",
    "time": "Its time is over; who is still away takes the next release.",
    "withdrawn": "Its release was withdrawn.",
}


@dataclass(frozen=True)
class Draft:
    """What a rollout would be: the ids of devices by wave, and who failed with it before."""

    release: object
    plan: plans.Plan
    target: dict
    waves: list
    held: frozenset

    @property
    def described(self):
        """The whole plan, what was not given included."""
        return plans.describe(self.plan)


def draft(session, user, release, target, plan):
    """A rollout that is not kept, for a look at its waves. `target` and `plan` are JSON.

    Raises: HostError `bad-request`, `not-ready`, `withdrawn`, `not-approved`, `no-devices`, and
    those of a listed device that it is not for.
    """
    assignments.must_be_approved(release)
    try:
        parsed = plans.parse(plan)
    except plans.PlanError as error:
        raise HostError("bad-request", f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
    found = _targeted(session, user, release, target)
    if not found:
        raise HostError("no-devices", "There is no device of yours that this would reach.")
    salt, ids = f"{release.product}/{release.number}", [one.id for one in found]
    ids = waves.sample(ids, salt, target.get("percent", 100))
    tagged = {one.id for one in found if parsed.canary_tag in one.tags}
    split = waves.split(ids, salt, parsed, tagged)
    if parsed.has_canaries and not split[0]:
        raise HostError("no-devices", f"No device of these has the tag {parsed.canary_tag!r}.")
    return Draft(release, parsed, target, split, _held(session, release))


def create(session, made, user, note="", *, now=None):
    """Keep a draft: from now on the engine sees to it."""
    now = utc(now)
    begins = max(now, made.plan.starts_at or now)
    rollout = Rollout(
        release=made.release, target=made.target, plan=made.described, note=note,
        state="running", created_at=now, created_by=user, starts_at=made.plan.starts_at,
        ends_at=begins + timedelta(days=made.plan.days),
    )  # fmt: skip
    session.add(rollout)
    session.flush()
    session.add_all(
        RolloutDevice(
            rollout_id=rollout.id, device_id=device, wave=n, is_held=device in made.held
        )
        for n, wave in enumerate(made.waves)
        for device in wave
    )
    session.flush()
    why = f"{made.release.subject} to {sum(map(len, made.waves))} devices"
    _say(session, rollout, user, "created", why, now, note)
    return rollout


def mine(session, user, limit=_LISTED_MAX):
    """The rollouts that a person sees, newest first: their own, or all for an admin."""
    query = select(Rollout).order_by(Rollout.id.desc()).limit(limit)
    if not permissions.allows(user, "device.see-all"):
        query = query.where(Rollout.created_by_id == user.id)
    return list(session.scalars(query))


def find(session, user, rollout_id):
    """One of them. Raises: HostError `not-found`."""
    rollout = session.get(Rollout, rollout_id)
    sees_all = permissions.allows(user, "device.see-all")
    if rollout is None or not (sees_all or rollout.created_by_id == user.id):
        raise HostError("not-found", f"There is no rollout {rollout_id} of yours.")
    return rollout


def explanation(rollout):
    """Why it is in its state, in a sentence or a person's words; None where nobody said."""
    return _WHYS.get(rollout.why, rollout.why)


def act(session, rollout, action, user, reason="", *, now=None):
    """Do one of ACTIONS. Raises: HostError `rollout-state`, and as `draft` where it goes on."""
    now = utc(now)
    _count_change(session, rollout)  # first a write, which waits for the engine;
    session.refresh(rollout)  # then what is true is read again
    states, goes_on, do, word = ACTIONS[action]
    if rollout.state not in states:
        message = f"Rollout {rollout.id} is {rollout.state}: there is nothing to {action}."
        raise HostError("rollout-state", message)
    if goes_on:
        assignments.must_be_approved(rollout.release)
    do(session, rollout, now, reason)
    _say(session, rollout, user, word, reason, now)


def withdraw(session, release, who, *, now=None):
    """Its release was taken back: all rollouts of it end."""
    query = select(Rollout).where(Rollout.release_id == release.id, Rollout.state.in_(ACTIVE))
    for rollout in session.scalars(query).all():
        _count_change(session, rollout)
        rollout.state, rollout.why = "aborted", "withdrawn"
        events.add(session, who, rollout.subject, "aborted", "withdrawn", now=now)


def _count_change(session, rollout):
    """Whoever decided on the rollout before decides anew."""
    changed = update(Rollout).where(Rollout.id == rollout.id)
    session.execute(changed.values(revision=Rollout.revision + 1))


def _pause(session, rollout, now, reason):
    rollout.state, rollout.why = "paused", reason or None
    rolling.end_offers(session, rollout, PAUSED, now)


def _resume(_session, rollout, now, _reason):
    rollout.state, rollout.why, rollout.judged_from = "running", None, now


def _abort(session, rollout, now, reason):
    rollout.state, rollout.why = "aborted", reason or None
    rolling.end_offers(session, rollout, ENDED, now)


def _promote(session, rollout, now, reason):
    last = plans.parse(rollout.plan).wave_count - 1
    if rollout.wave >= last:
        raise HostError("rollout-state", f"Rollout {rollout.id} is in its last wave.")
    rollout.wave, rollout.reached_at = rollout.wave + 1, None
    _resume(session, rollout, now, reason)


def _retry(session, rollout, now, reason):
    """Who failed, now or before, has a turn again, and time for it."""
    failed = select(Assignment.id).where(
        Assignment.rollout_id == rollout.id, Assignment.state.in_(FAILED)
    )
    place = update(RolloutDevice).where(RolloutDevice.rollout_id == rollout.id)
    place = place.execution_options(synchronize_session=False)
    again = place.where(RolloutDevice.assignment_id.in_(failed)).values(assignment_id=None)
    held = place.where(RolloutDevice.is_held).values(is_held=False)
    if not session.execute(again).rowcount + session.execute(held).rowcount:
        raise HostError("no-devices", "No device of this rollout failed.")
    parsed = plans.parse(rollout.plan)
    rollout.ends_at = max(rollout.ends_at, now + timedelta(days=parsed.days))
    _resume(session, rollout, now, reason)


# action: (states it is for, whether it goes on to offer, what it does, the event's word)
ACTIONS = {
    "pause": (("running",), False, _pause, "paused"),
    "resume": (("paused",), True, _resume, "resumed"),
    "abort": (ACTIVE, False, _abort, "aborted"),
    "retry": ((*ACTIVE, "finished"), True, _retry, "retried"),
    "promote": (ACTIVE, True, _promote, "promoted"),
}


def _targeted(session, user, release, target):
    if not isinstance(target, dict) or set(target) - set(_TARGET):
        raise HostError("bad-request", f'"target" is an object of {", ".join(_TARGET)}.')
    found = devices.chosen(session, user, target.get("devices", "all"), release)
    if "devices" in target:
        for one in found:
            assignments.must_fit(one, release)
    if "group" in target:
        group = groups.find(session, user, str(target["group"]))
        found = [one for one in found if one.group_id == group.id]
    if "tags" in target:
        wanted = target["tags"]
        if not isinstance(wanted, list) or not all(isinstance(one, str) for one in wanted):
            raise HostError("bad-request", '"tags" is a list of tags.')
        found = [one for one in found if set(one.tags) & set(wanted)]
    percent = target.get("percent", 100)
    if type(percent) is not int or not 1 <= percent <= 100:
        raise HostError("bad-request", '"percent" is a number from 1 to 100.')
    return [one for one in found if one.number is None or one.number <= release.number]


def _held(session, release):
    """Devices that failed with this very release: it is not offered to them without a person."""
    query = select(Assignment.device_id).where(
        Assignment.release_id == release.id, Assignment.state.in_(FAILED),
        Assignment.reason.is_(None) | Assignment.reason.not_in(SPARED),
    )  # fmt: skip
    return frozenset(session.scalars(query))


def _say(session, rollout, user, what, why, now, note=""):
    why = f"{why}: {note}" if note else why
    events.add(session, user.email, rollout.subject, what, why, now=now)
