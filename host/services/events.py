"""The record of who changed what, when and why."""

from sqlalchemy import select

from host.models import Event
from host.services.clock import utc

HOST = "host"


def add(session, who, subject, what, why="", *, now=None):
    """Note a change in the same transaction that makes it."""
    session.add(Event(at=utc(now), who=who, subject=subject, what=what, why=why))


def of(session, subject, limit=50, since=None):
    """The newest events of one subject: `device <id>`, `release <product>/<number>`, …"""
    query = select(Event).where(Event.subject == subject)
    if since is not None:
        query = query.where(Event.at >= since)
    return list(session.scalars(query.order_by(Event.id.desc()).limit(limit)))
