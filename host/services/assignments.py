"""Which device should take which release, and how that went."""

from datetime import UTC, datetime

from sqlalchemy import func, select

from host.errors import HostError
from host.models import Assignment, Device
from host.models.assignment import OPEN
from host.services import events, outbox, owners
from host.services.clock import utc

_INTERRUPTIONS_MAX = 3  # then even bad luck ends the offer
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)  # of ids

# What an outcome in a report makes of an open assignment.
_OUTCOMES = {"done": "done", "failed": "failed", "refused": "refused", "interrupted": "offered"}
_NOT_HELD_AGAINST = ("no-contact", "interrupted")  # such a failure is an interruption


def assign(session, devices, release, who, *, now=None):
    """Offer a release to devices; what was open for them before is superseded."""
    _must_be_approved(release)
    for device in devices:
        _must_fit(device, release)
    return [_offer(session, device, release, who, utc(now)) for device in devices]


def fits(device, release):
    """Whether a release is for a device, as far as the host knows the device."""
    return (
        device.state == "claimed"
        and device.product == release.product
        and device.model in (None, *release.boards)
    )


def start(session, device, number, *, now=None):
    """The board has begun to take this release."""
    assignment = opened(session, device.id)
    if assignment and assignment.state == "offered" and assignment.release.number == number:
        _move(session, assignment, "started", None, utc(now))


def conclude(session, device, assignment_id, outcome, reason, *, now=None):
    """Apply a report's outcome, unless the assignment is over or another device's."""
    assignment = session.get(Assignment, assignment_id)
    if assignment is None or assignment.device_id != device.id or assignment.state not in OPEN:
        return
    state = _OUTCOMES.get(outcome)
    if outcome == "failed" and reason in _NOT_HELD_AGAINST:
        state = "offered"
    if state == "offered":
        assignment.interruptions += 1
        state = "failed" if assignment.interruptions >= _INTERRUPTIONS_MAX else "offered"
    if state:
        _move(session, assignment, state, reason, utc(now))


def opened(session, device_id):
    """The open assignment of a device, or None."""
    query = select(Assignment).where(Assignment.device_id == device_id, Assignment.state.in_(OPEN))
    return session.scalars(query).first()


def newest(session, device_ids):
    """The newest assignment of each device, by device id."""
    ids = (
        select(func.max(Assignment.id))
        .where(Assignment.device_id.in_(device_ids))
        .group_by(Assignment.device_id)
    )
    found = session.scalars(select(Assignment).where(Assignment.id.in_(ids)))
    return {assignment.device_id: assignment for assignment in found}


def close(session, device_id, reason, *, now=None):
    """End whatever is open for a device: it is retired, or something newer is offered."""
    assignment = opened(session, device_id)
    if assignment:
        _move(session, assignment, "superseded", reason, utc(now))


def withdraw(session, release, *, now=None):
    """End what is open for a release, on whatever device."""
    query = select(Assignment).where(
        Assignment.release_id == release.id, Assignment.state.in_(OPEN)
    )
    for assignment in session.scalars(query).all():
        _move(session, assignment, "superseded", "withdrawn", utc(now))


def _must_be_approved(release):
    number = release.number
    if release.withdrawn_at:
        raise HostError("withdrawn", f"Release {number} was withdrawn.")
    if release.state == "draft":
        raise HostError("not-ready", f"Release {number} is still being uploaded.")
    if release.state != "approved":
        how = f"mpfleet approve {number} --product {release.product}"
        message = f"Release {number} is {release.state}: boards take what is approved. {how}"
        raise HostError("not-approved", message)


def _must_fit(device, release):
    owners.must_be_somebodys(device)
    if device.product != release.product:
        raise HostError(
            "wrong-product", f"Device {device.id} is a {device.product}, not a {release.product}."
        )
    if not fits(device, release):
        boards = ", ".join(release.boards)
        sentence = f"Device {device.id} is a {device.model}, not one of {boards}."
        raise HostError("wrong-board", sentence)


def _next_id(session, now):
    """Above all here, and by the clock.

    A board starts none that it closed: not that of another host either, or of this one before it
    was restored from a backup.
    """
    newest = session.scalar(select(func.max(Assignment.id))) or 0
    return max(newest + 1, int((now - _EPOCH).total_seconds()))


def _offer(session, device: Device, release, who, now):
    close(session, device.id, f"release-{release.number}", now=now)
    is_there = device.number == release.number
    assignment = Assignment(
        id=_next_id(session, now), device=device, release=release, created_at=now, updated_at=now,
        interruptions=0,
        state="done" if is_there else "offered", reason="already-running" if is_there else None,
    )  # fmt: skip
    session.add(assignment)
    session.flush()
    why = f"release {release.number}"
    events.add(session, who, f"device {device.id}", "assigned", why, now=now)
    outbox.put(session, device.id, outbox.CHECK, now=now)
    return assignment


def _move(session, assignment, state, reason, now):
    assignment.state, assignment.reason, assignment.updated_at = state, reason, now
    session.flush()  # before another becomes open: the database allows one
    why = f"release {assignment.release.number}" + (f": {reason}" if reason else "")
    subject = f"device {assignment.device_id}"
    events.add(session, subject, subject, state, why, now=now)
