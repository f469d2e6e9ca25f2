"""How a device goes from one person to another.

Another person gets it once they accept: nobody is given a board, and what it runs, unasked. At
once it goes to a group that the giver is in, for there it stays theirs; and at an admin's word.
"""

from datetime import timedelta

from sqlalchemy import select, update

from host.errors import HostError
from host.models import Device
from host.services import accounts, assignments, events, groups, limits, owners, permissions
from host.services.clock import utc

_OFFER_S = 7 * 24 * 3600


def to_person(session, settings, device, giver, email, *, now=None):
    """Offer a device to a person; an admin hands it over.

    Raises: HostError `not-claimed`, `not-found`, `bad-request`; KeptError `rate-limited`.
    """
    now = utc(now)
    owners.must_be_somebodys(device)
    limits.hit(session, settings, "transfer:user", str(giver.id), now=now)
    taker = accounts.find_active(session, email)
    if taker.id == device.owner_id:
        raise HostError("bad-request", f"The device is {taker.email}'s already.")
    if taker.id == giver.id or permissions.allows(giver, "device.see-all"):
        _hand_over(session, device, giver, now, owner=taker)
        return
    if not permissions.allows(taker, "device.claim"):
        raise HostError("bad-request", f"{taker.email} is a {taker.role}, who takes no devices.")
    device.offered_to, device.offered_at = taker, now
    events.add(session, giver.email, _subject(device), "offered", f"to {taker.email}", now=now)


def to_group(session, device, giver, name, *, now=None):
    """Give a device to a group that the giver is in; an admin gives to any.

    Raises: HostError `not-claimed`, `not-found`.
    """
    owners.must_be_somebodys(device)
    group = groups.find(session, giver, name)
    if group.id != device.group_id:
        _hand_over(session, device, giver, utc(now), group=group)


def accept(session, person, device_id, *, now=None):
    """Take a device that was offered. Raises: HostError `not-found`."""
    now = utc(now)
    device = offered(session, person, device_id, now=now)
    mine = update(Device).where(
        Device.id == device.id, Device.offered_to_id == person.id, Device.state == "claimed"
    )
    if session.execute(mine.values(offered_to_id=None)).rowcount != 1:
        raise _no_offer(device_id)  # it was taken back just now
    session.refresh(device)
    _hand_over(session, device, person, now, owner=person)
    return device


def decline(session, person, device_id, *, now=None):
    """Do not take it. Raises: HostError `not-found`."""
    _end(session, offered(session, person, device_id, now=now), person, "declined", now)


def take_back(session, device, giver, *, now=None):
    """Offer a device to nobody any more. Raises: HostError `not-found`."""
    if device.offered_to_id is None:
        raise HostError("not-found", f"Device {device.id} is offered to nobody.")
    _end(session, device, giver, "taken-back", now)


def offers(session, person, *, now=None):
    """The devices that are offered to a person."""
    query = select(Device).where(Device.offered_to_id == person.id, Device.state == "claimed")
    found = session.scalars(query.order_by(Device.offered_at))
    return [device for device in found if taker(device, now=now)]


def taker(device, *, now=None):
    """Whom a device is offered to, as long as the offer holds."""
    holds = device.offered_to and utc(now) - device.offered_at <= timedelta(seconds=_OFFER_S)
    return device.offered_to if holds else None


def offered(session, person, device_id, *, now=None):
    """One of them. Raises: HostError `not-found`."""
    found = [one for one in offers(session, person, now=now) if one.id == device_id]
    if not found:
        raise _no_offer(device_id)
    return found[0]


def _no_offer(device_id):
    return HostError("not-found", f"No device {device_id[:32]!r} is offered to you.")


def _end(session, device, who, what, now):
    why = f"offered to {device.offered_to.email}"
    device.offered_to, device.offered_at = None, None
    events.add(session, who.email, _subject(device), what, why, now=utc(now))


def _hand_over(session, device, who, now, owner=None, group=None):
    """From now on it runs what its new people say, and they see what is from now on.

    Whoever gives it to a group of theirs goes on seeing what they saw.
    """
    before, is_shared = owners.name(device), group and owners.is_member(session, who, group.id)
    if not (is_shared and owners.is_theirs(session, who, device)):
        assignments.close(session, device.id, "transferred", now=now)
        device.owned_since = now
    device.owner, device.group = owner, group
    device.offered_to, device.offered_at = None, None
    session.flush()
    why = f"{before} to {owners.name(device)}"
    events.add(session, who.email, _subject(device), "transferred", why, now=now)


def _subject(device):
    return f"device {device.id}"
