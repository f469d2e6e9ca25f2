"""The decisions of rollouts, carried out.

Each call is one short transaction of the caller's. The revision of a rollout counts its changes:
who decided on an older one is told so, and decides anew.
"""

from itertools import groupby

from sqlalchemy import bindparam, insert, or_, select, update
from sqlalchemy.orm import aliased

from host.models import Assignment, Device, Event, Rollout, RolloutDevice
from host.models.assignment import OPEN
from host.models.rollout import ACTIVE
from host.rollouts import decide, plan
from host.rollouts.member import INTERRUPTED
from host.services import assignments, events, outbox

_STATES = {  # of an assignment, by the decision that ends it: (from, to)
    decide.TakeBack: (("offered",), "superseded"),
    decide.Lose: (OPEN, "lost"),
    decide.Forgive: (("lost",), "superseded"),
}
_WHYS = {decide.Forgive: INTERRUPTED}
_PLACE = RolloutDevice.__table__.c


def due(session):
    """The numbers of rollouts that may have something to decide, the newest first."""
    under_way = select(Assignment.rollout_id).where(
        Assignment.state.in_(OPEN), Assignment.rollout_id.is_not(None)
    )
    query = select(Rollout.id).where(or_(Rollout.state.in_(ACTIVE), Rollout.id.in_(under_way)))
    return list(session.scalars(query.order_by(Rollout.id.desc())))


def carry_out(session, rollout_id, revision, decisions, now):
    """Carry decisions out; the new revision, or None: it changed meanwhile, nothing was done."""
    ours = update(Rollout).where(Rollout.id == rollout_id, Rollout.revision == revision)
    if not session.execute(ours.values(revision=revision + 1)).rowcount:
        return None
    rollout = session.get(Rollout, rollout_id)
    for kind, found in groupby(decisions, type):
        _ACTIONS[kind](session, rollout, list(found), now)
    return revision + 1


def end_offers(session, rollout, why, now):
    """Take back what no board has begun."""
    query = select(Assignment.device_id).where(
        Assignment.rollout_id == rollout.id, Assignment.state == "offered"
    )
    taken = [decide.TakeBack(device, why) for device in session.scalars(query)]
    _end(session, rollout, taken, now)


def _offer(session, rollout, offers, now):
    release, ids = rollout.release, [one.device for one in offers]
    rows = session.execute(_still_free(release, rollout, ids)).all()
    if not rows:
        return
    first = assignments.next_id(session, now)
    made = [
        {
            "id": first + n, "device_id": device, "release_id": release.id,
            "rollout_id": rollout.id, "state": "offered", "interruptions": interruptions or 0,
            "created_at": now, "updated_at": now,
        }
        for n, (device, interruptions) in enumerate(rows)
    ]  # fmt: skip
    session.execute(insert(Assignment), made)
    places = update(RolloutDevice.__table__).where(
        _PLACE.rollout_id == rollout.id, _PLACE.device_id == bindparam("device")
    )
    session.connection().execute(
        places.values(assignment_id=bindparam("assignment")),
        [{"device": one["device_id"], "assignment": one["id"]} for one in made],
    )
    devices = [one["device_id"] for one in made]
    _note(session, devices, "assigned", _why(rollout), now)
    outbox.put_all(session, devices, outbox.CHECK, now=now)  # who listens looks at once


def _still_free(release, rollout, ids):
    """Devices that nothing is open for and that did not fail since it was decided.

    With each, how often bad luck struck it with this release.
    """
    others = aliased(Assignment)
    is_open = select(others.id).where(others.device_id == Device.id, others.state.in_(OPEN))
    return (
        select(Device.id, Assignment.interruptions)
        .join(RolloutDevice, RolloutDevice.device_id == Device.id)
        .outerjoin(Assignment, Assignment.id == RolloutDevice.assignment_id)
        .where(RolloutDevice.rollout_id == rollout.id, Device.id.in_(ids))
        .where(~RolloutDevice.is_held)
        .where(or_(Assignment.id.is_(None), Assignment.state == "superseded"))
        .where(Device.state == "claimed", Device.product == release.product, ~is_open.exists())
        .where(or_(Device.number.is_(None), Device.number < release.number))
    )


def _end(session, rollout, decisions, now):
    if not decisions:
        return
    kind = type(decisions[0])
    before, state = _STATES[kind]
    for why, found in groupby(decisions, lambda one: _WHYS.get(kind) or one.why):
        rows = select(Assignment).where(
            Assignment.device_id.in_([one.device for one in found]),
            Assignment.rollout_id == rollout.id, Assignment.state.in_(before),
        )  # fmt: skip
        for one in session.scalars(rows).all():
            one.interruptions += kind is decide.Forgive
            assignments.move(session, one, state, why, now)


def _reach(session, rollout, _decisions, now):
    rollout.reached_at = now
    _say(session, rollout, "wave-done", _wave(rollout), now)


def _advance(session, rollout, decisions, now):
    for one in decisions:
        rollout.wave, rollout.reached_at = one.wave, None
        _say(session, rollout, "wave-begun", _wave(rollout), now)


def _pause(session, rollout, decisions, now):
    rollout.state, rollout.why = "paused", decisions[0].why
    _say(session, rollout, "paused", rollout.why, now)


def _finish(session, rollout, decisions, now):
    rollout.state, rollout.why = "finished", decisions[0].why
    _say(session, rollout, "finished", rollout.why, now)


_ACTIONS = {
    decide.Offer: _offer,
    decide.TakeBack: _end,
    decide.Lose: _end,
    decide.Forgive: _end,
    decide.Reach: _reach,
    decide.Advance: _advance,
    decide.Pause: _pause,
    decide.Finish: _finish,
}


def _wave(rollout):
    return plan.parse(rollout.plan).wave_name(rollout.wave)


def _why(rollout):
    return f"release {rollout.release.number}, {rollout.subject}"


def _say(session, rollout, what, why, now):
    events.add(session, events.HOST, rollout.subject, what, why, now=now)


def _note(session, devices, what, why, now):
    session.execute(
        insert(Event),
        [
            {"at": now, "who": events.HOST, "subject": f"device {one}", "what": what, "why": why}
            for one in devices
        ],
    )
