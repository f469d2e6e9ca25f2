"""What the database says of a rollout, as `decide` takes it."""

from sqlalchemy import and_, func, or_, select

from host.models import Assignment, Device, Rollout, RolloutDevice
from host.models.assignment import OPEN, TRIED
from host.models.rollout import ACTIVE
from host.rollouts import decide, plan
from host.rollouts.member import OFFERED, STARTED, WAITING, Row, standing
from host.verification import downgrade

_DEVICE, _ASSIGNMENT = Device.__table__.c, Assignment.__table__.c
_PLACE = RolloutDevice.__table__.c
COUNTED = ("waiting", "away", "open", "done", "failed", "out")
_WORDS = {OFFERED: "open", STARTED: "open"}
_TOTALS = {
    "offered": "open",
    "started": "open",
    "done": "done",
    "failed": "failed",
    "refused": "failed",
    "lost": "failed",
}


def look(session, rollout, now):
    """Where a rollout is, and its members: what `decide` takes."""
    where = decide.Standing(
        plan.parse(rollout.plan), rollout.state, rollout.wave, rollout.reached_at,
        rollout.judged_from, rollout.ends_at,
    )  # fmt: skip
    return where, members(session, rollout, now)


def members(session, rollout, now):
    """The devices of a rollout with their standing, in its order of devices."""
    newer = _newer(session, rollout, now)
    rows = session.execute(_query(rollout))
    return [standing(_row(one, rollout, newer), rollout.release.number) for one in rows]


def _newer(session, rollout, now):
    """The newest rollout by device, where that is a later one than this (DESIGN section 7)."""
    query = (
        select(RolloutDevice.device_id, func.max(RolloutDevice.rollout_id))
        .join(Rollout, Rollout.id == RolloutDevice.rollout_id)
        .where(Rollout.id > rollout.id, Rollout.state.in_(ACTIVE))
        .where(or_(Rollout.starts_at.is_(None), Rollout.starts_at <= now))
        .group_by(RolloutDevice.device_id)
    )
    return dict(session.execute(query).all())


def _query(rollout):
    ours, others = Assignment.__table__, Assignment.__table__.alias("others")
    is_other = and_(
        others.c.device_id == _DEVICE.id,
        others.c.state.in_(OPEN),
        or_(_PLACE.assignment_id.is_(None), others.c.id != _PLACE.assignment_id),
    )
    return (
        select(
            _PLACE.device_id, _PLACE.wave, _PLACE.is_held, _ASSIGNMENT.state, _ASSIGNMENT.reason,
            _ASSIGNMENT.step, _ASSIGNMENT.updated_at, _ASSIGNMENT.created_at,
            _DEVICE.state.label("device_state"), _DEVICE.product, _DEVICE.model, _DEVICE.number,
            _DEVICE.firmware,
            _DEVICE.mode, _DEVICE.slot, _DEVICE.online, _DEVICE.last_seen_at, _DEVICE.timezone,
            _DEVICE.owned_since, others.c.id.label("other"), _ASSIGNMENT.interruptions,
        )
        .select_from(RolloutDevice.__table__)
        .join(Device.__table__, _DEVICE.id == _PLACE.device_id)
        .outerjoin(ours, _ASSIGNMENT.id == _PLACE.assignment_id)
        .outerjoin(others, is_other)
        .where(_PLACE.rollout_id == rollout.id)
        .order_by(_PLACE.wave, _PLACE.device_id)
    )  # fmt: skip


def _row(one, rollout, newer):
    release = rollout.release
    is_unmanaged = one.mode == "active" and one.slot in ("a", "b") and one.number == 0
    is_for = (
        one.device_state == "claimed"
        and one.product == release.product
        and one.model in (None, *release.boards)
        and not downgrade.why(release.images, one.model, one.firmware)
        and not is_unmanaged
        # given to somebody else since: it is not the business of whoever began this
        and (one.owned_since is None or one.owned_since <= rollout.created_at)
    )
    return Row(
        one.device_id, one.wave, one.is_held, one.state, one.reason, one.step is not None,
        one.updated_at, one.created_at, is_for, one.number, one.online, one.last_seen_at,
        one.timezone, one.other is not None, newer.get(one.device_id), one.step in TRIED,
        one.interruptions or 0,
    )  # fmt: skip


def places(session, rollout, now):
    """Its devices in order: (member, assignment or None) of each."""
    query = select(Assignment).join(RolloutDevice, _PLACE.assignment_id == Assignment.id)
    query = query.where(_PLACE.rollout_id == rollout.id)
    newest = {one.device_id: one for one in session.scalars(query)}
    return [(one, newest.get(one.device)) for one in members(session, rollout, now)]


def counts(session, rollout, now):
    """How its devices stand, by wave: its `name`, `devices` in all, and each of COUNTED."""
    where, found = look(session, rollout, now)
    waves = [
        {"name": where.plan.wave_name(n), **dict.fromkeys(("devices", *COUNTED), 0)}
        for n in range(where.plan.wave_count)
    ]
    for one in found:
        wave = waves[one.wave]
        wave["devices"] += 1
        is_away = one.state == WAITING and decide.is_away(where.plan, one, now)
        wave["away" if is_away else _WORDS.get(one.state, one.state)] += 1
    return waves


def totals(session, ids):
    """The same of several rollouts in all, from their assignments alone, by their numbers."""
    query = (
        select(_PLACE.rollout_id, _ASSIGNMENT.state, func.count())
        .outerjoin(Assignment.__table__, _ASSIGNMENT.id == _PLACE.assignment_id)
        .where(_PLACE.rollout_id.in_(ids))
        .group_by(_PLACE.rollout_id, _ASSIGNMENT.state)
    )
    found = {one: dict.fromkeys(("devices", "open", "done", "failed"), 0) for one in ids}
    for rollout_id, state, count in session.execute(query):
        found[rollout_id]["devices"] += count
        word = _TOTALS.get(state)
        if word:
            found[rollout_id][word] += count
    return found
