"""What went wrong with a release, grouped: forty boards that fail alike are one."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import and_, or_, select

from host.models import Assignment, Device, Report
from host.services import owners, permissions

_DEVICES_SHOWN = 10
_REPORTS_MAX = 5000  # the newest: enough to see what is the matter
_GOOD = ("done", None)


@dataclass
class Group:
    """One fault. `example` is the newest report of it, None of boards that never reported."""

    reason: str
    fingerprint: str | None
    example: Report | None
    first_at: datetime
    last_at: datetime
    devices: list[str] = field(default_factory=list)

    @property
    def shown(self):
        """Some of its devices."""
        return self.devices[:_DEVICES_SHOWN]


def of_release(session, user, release):
    """The faults of a release on a person's devices, those of most devices first.

    Also of what it did once it was committed: an application that raised, five crashes.
    """
    query = select(Report).where(
        Report.number == release.number, Device.product == release.product,
        or_(Report.outcome.is_not(None), Report.kind == "app", Report.kind == "boot"),
    )  # fmt: skip
    if not permissions.allows(user, "device.see-all"):
        query = query.where(owners.theirs(user))
    return _grouped(_newest(session, query))


def of_rollout(session, rollout):
    """The faults in a rollout, and the boards that were lost."""
    ours = and_(Assignment.id == Report.assignment, Assignment.device_id == Report.device_id)
    query = select(Report).join(Assignment, ours)
    query = query.where(Assignment.rollout_id == rollout.id, Report.kind == "update")
    return _sorted([*_grouped(_newest(session, query)), *_lost(session, rollout)])


def _newest(session, query):
    query = query.join(Device, Device.id == Report.device_id)
    since = or_(Device.owned_since.is_(None), Report.received_at >= Device.owned_since)
    return session.scalars(query.where(since).order_by(Report.id.desc()).limit(_REPORTS_MAX))


def _grouped(found):
    groups = {}
    for one in found:
        if one.kind == "update" and one.outcome in _GOOD:
            continue
        key = one.reason or one.kind, one.fingerprint
        group = groups.get(key)
        if group is None:
            group = groups[key] = Group(*key, one, one.received_at, one.received_at)
        group.first_at = one.received_at
        if one.device_id not in group.devices:
            group.devices.append(one.device_id)
    return _sorted(groups.values())


def _lost(session, rollout):
    query = select(Assignment.device_id, Assignment.reason, Assignment.updated_at).where(
        Assignment.rollout_id == rollout.id, Assignment.state == "lost"
    )
    groups = {}
    for device, reason, at in session.execute(query.order_by(Assignment.updated_at)):
        group = groups.setdefault(reason, Group(reason, None, None, at, at))
        group.last_at = at
        group.devices.append(device)
    return groups.values()


def _sorted(groups):
    return sorted(groups, key=lambda one: (-len(one.devices), one.reason, one.fingerprint or ""))
