"""The record of who changed what, when and why."""

from sqlalchemy import String, and_, cast, func, literal, or_, select

from host.models import Device, Event, Rollout
from host.services import owners, permissions
from host.services.clock import utc

HOST = "host"
NOTE_CHARS_MAX = 200  # of what a person says to a change


def add(session, who, subject, what, why="", *, now=None):
    """Note a change in the same transaction that makes it."""
    session.add(Event(at=utc(now), who=who, subject=subject, what=what, why=why))


def of(session, subject, limit=50, since=None):
    """The newest events of one subject: `device <id>`, `release <product>/<number>`, …"""
    query = select(Event).where(Event.subject == subject)
    if since is not None:
        query = query.where(Event.at >= since)
    return list(session.scalars(query.order_by(Event.id.desc()).limit(limit)))


def listed(session, user, *, subject=None, what=None, who=None, before=None, limit=100):
    """The events that a person sees, newest first; `before` is the number of the last one seen.

    Those are all for who manages people; for others what happened to their devices since they
    have them, to their rollouts, to releases and keys, and what they did themselves.
    """
    query = select(Event).order_by(Event.id.desc()).limit(limit)
    if not permissions.allows(user, "device.see-all"):
        query = query.where(_seen_by(user))
    if subject is not None:
        query = query.where(Event.subject == subject)
    if what is not None:
        query = query.where(Event.what == what)
    if who is not None:
        query = query.where(Event.who == who)
    if before is not None:
        query = query.where(Event.id < before)
    return list(session.scalars(query))


def _seen_by(user):
    device = select(Device.id).where(
        Device.id == func.substr(Event.subject, len("device ") + 1),
        owners.theirs(user), Device.state != "unclaimed",
        or_(Device.owned_since.is_(None), Event.at >= Device.owned_since),
    )  # fmt: skip
    rollout = select(Rollout.id).where(
        literal("rollout ").concat(cast(Rollout.id, String)) == Event.subject,
        Rollout.created_by_id == user.id,
    )
    return or_(
        and_(Event.subject.startswith("device "), device.exists()),
        rollout.exists(),
        Event.subject.startswith("release "),
        Event.subject == "metadata",
        Event.who == user.email,
    )
