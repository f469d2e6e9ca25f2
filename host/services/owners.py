"""Whose a device is: a person's, or all members' of a group."""

from sqlalchemy import or_, select

from host.errors import HostError
from host.models import Device, Membership


def is_theirs(session, person, device):
    """Whether a device is this person's, alone or with others."""
    if person is None or device.state == "unclaimed":
        return False
    return device.owner_id == person.id or is_member(session, person, device.group_id)


def is_member(session, person, group_id):
    """Whether a person is in a group."""
    return group_id is not None and session.get(Membership, (group_id, person.id)) is not None


def theirs(person):
    """The condition on devices that are this person's."""
    groups = select(Membership.group_id).where(Membership.user_id == person.id)
    return or_(Device.owner_id == person.id, Device.group_id.in_(groups))


def must_be_somebodys(device):
    """Raise HostError `not-claimed` of a device that is nobody's, or retired."""
    if device.state != "claimed":
        raise HostError("not-claimed", f"Device {device.id} is {device.state}.")


def name(device):
    """Whose it is, in words."""
    if device.group:
        return f"group {device.group.name}"
    return device.owner.email if device.owner else "nobody"
