"""Groups of people, who have devices together."""

import re

from sqlalchemy import func, select

from host.errors import HostError
from host.models import Device, Group, Membership
from host.services import accounts, events, permissions
from host.services.clock import utc

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,48}[A-Za-z0-9]|[A-Za-z0-9]")


def listed(session, person):
    """The groups that a person sees: all who manage them, their own others. By name."""
    if permissions.allows(person, "group.manage"):
        return list(session.scalars(select(Group).order_by(Group.name)))
    return of(session, person)


def of(session, person):
    """The groups that a person is in, by name."""
    query = select(Group).join(Membership).where(Membership.user_id == person.id)
    return list(session.scalars(query.order_by(Group.name)))


def find(session, person, name):
    """One of them by name. Raises: HostError `not-found`."""
    found = [one for one in listed(session, person) if one.name == name]
    if not found:
        raise HostError("not-found", f"There is no group {name[:64]!r} of yours.")
    return found[0]


def get(session, group_id):
    """Any group by its number. Raises: HostError `not-found`."""
    group = session.get(Group, group_id)
    if group is None:
        raise HostError("not-found", f"There is no group {group_id}.")
    return group


def create(session, name, who, *, now=None):
    """A new group, with nobody in it. Raises: HostError `bad-request`, `name-taken`."""
    if not _NAME.fullmatch(name):
        raise HostError("bad-request", "A group's name has 1 to 50 letters, digits, ' ._-'.")
    if session.scalar(select(Group.id).where(func.lower(Group.name) == name.lower())):
        raise HostError("name-taken", f"There is a group {name} already.")
    group = Group(name=name, created_at=utc(now))
    session.add(group)
    _note(session, who, group, "created", now=now)
    session.flush()
    return group


def remove(session, group, who, *, now=None):
    """Remove a group that has no devices. Raises: HostError `not-empty`."""
    count = session.scalar(select(func.count()).where(Device.group_id == group.id))
    if count:
        message = f"Group {group.name} has {count} devices: give them to somebody first."
        raise HostError("not-empty", message)
    _note(session, who, group, "removed", now=now)
    session.delete(group)
    session.flush()


def add(session, group, email, who, *, now=None):
    """One more member; one who is in already stays. Raises: HostError `not-found`."""
    person = accounts.find_active(session, email)
    if person not in group.members:
        group.members.append(person)
        _note(session, who, group, "member-added", person.email, now=now)
        session.flush()


def drop(session, group, user_id, who, *, now=None):
    """A member less. Raises: HostError `not-found`."""
    found = [one for one in group.members if one.id == user_id]
    if not found:
        raise HostError("not-found", f"Nobody with the number {user_id} is in {group.name}.")
    group.members.remove(found[0])
    _note(session, who, group, "member-removed", found[0].email, now=now)
    session.flush()


def device_counts(session):
    """How many devices each group has, by its number."""
    query = select(Device.group_id, func.count()).group_by(Device.group_id)
    return {group_id: count for group_id, count in session.execute(query) if group_id}


def _note(session, who, group, what, why="", *, now):
    events.add(session, who, f"group {group.name}", what, why, now=now)
