"""Devices as their people see them: see, rename, label, retire."""

import re

from sqlalchemy import select

from host.errors import HostError
from host.models import Device
from host.rollouts import window
from host.services import (
    assignments,
    claiming,
    conflicts,
    events,
    outbox,
    owners,
    permissions,
    secret,
)

_TAGS_MAX = 16
_TAG = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


def authenticate(session, device_id, secret_hex):
    """The device with this id and secret, or None. A retired one is nobody."""
    device = session.get(Device, device_id)
    if device is None or not secret.matches(secret_hex, device.secret_digest):
        return None
    return None if device.state == "retired" else device


def since(user, device):
    """From when on a person sees what a device did: None, for all of it.

    What it did for others before is not for who has it now.
    """
    return None if permissions.allows(user, "device.see-all") else device.owned_since


def known(session, device_id):
    """The device with this id, or None."""
    return session.get(Device, device_id)


def mine(session, user):
    """The devices a person sees, newest first: theirs and their groups', or all for an admin."""
    query = select(Device).order_by(Device.registered_at.desc(), Device.id)
    if not permissions.allows(user, "device.see-all"):
        query = query.where(owners.theirs(user), Device.state != "unclaimed")
    return list(session.scalars(query))


def find(session, user, device_id):
    """One device. Somebody else's does not exist.

    Raises: HostError `not-found`.
    """
    device = session.get(Device, device_id)
    sees_all = permissions.allows(user, "device.see-all")
    if device is None or not (sees_all or owners.is_theirs(session, user, device)):
        raise HostError("not-found", f"There is no device {device_id!r} of yours.")
    return device


def chosen(session, user, ids, release):
    """Devices by their ids, or all of the person's that a release is for, if `ids` is "all".

    Raises: HostError `bad-request`, `not-found`.
    """
    if ids == "all":
        return [one for one in mine(session, user) if assignments.fits(one, release)]
    if not isinstance(ids, list) or not ids or not all(isinstance(one, str) for one in ids):
        raise HostError("bad-request", '"devices" must be a list of ids, or "all".')
    return [find(session, user, one) for one in dict.fromkeys(ids)]


def rename(session, device, name, who, *, now=None):
    """Give the device another name."""
    events.add(session, who, f"device {device.id}", "renamed", name, now=now)
    device.name = name


def label(session, device, who, *, tags=None, timezone=None, now=None):
    """Give the device tags, and the time zone of its windows; None leaves one as it is.

    Raises: HostError `bad-request`.
    """
    if tags is not None:
        is_list = isinstance(tags, list) and len(tags) <= _TAGS_MAX
        if not is_list or not all(isinstance(one, str) and _TAG.fullmatch(one) for one in tags):
            message = f"At most {_TAGS_MAX} tags, each of 1 to 32 of a-z, 0-9 and -."
            raise HostError("bad-request", message)
        device.tags = sorted(set(tags))
        why = ", ".join(device.tags)
        events.add(session, who, f"device {device.id}", "tagged", why, now=now)
    if timezone is not None:
        if not isinstance(timezone, str) or not window.is_zone(timezone):
            message = f"{str(timezone)[:64]!r} is no time zone, like Europe/Berlin."
            raise HostError("bad-request", message)
        device.timezone = timezone
        events.add(session, who, f"device {device.id}", "timezone-set", timezone, now=now)


def retire(session, device, who, *, now=None):
    """Its secret no longer works, and its live session ends."""
    if device.state == "retired":
        return
    assignments.close(session, device.id, "retired", now=now)
    device.state, device.online, device.progress = "retired", False, None
    device.offered_to, device.offered_at = None, None
    claiming.forget_codes(device)
    conflicts.settle(device)
    events.add(session, who, f"device {device.id}", "retired", now=now)
    outbox.put(session, device.id, outbox.DISCONNECT, now=now)


def notify(session, device, what, *, now=None):
    """Tell a device something now, if it listens. `what` is one of services.outbox."""
    owners.must_be_somebodys(device)
    device.retry_active = device.retry_active or what == outbox.RETRY_ACTIVE
    outbox.put(session, device.id, what, now=now)
