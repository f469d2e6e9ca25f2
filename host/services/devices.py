"""Devices as their people see them: see, claim, rename, retire."""

from sqlalchemy import select, update

from host.errors import HostError, KeptError
from host.models import Device
from host.services import assignments, events, limits, outbox, permissions, secret, strangers
from host.services.clock import utc

_CODE_LETTERS = 8


def authenticate(session, device_id, secret_hex):
    """The device with this id and secret, or None. A retired one is nobody."""
    device = session.get(Device, device_id)
    if device is None or not secret.matches(secret_hex, device.secret_digest):
        return None
    return None if device.state == "retired" else device


def known(session, device_id):
    """The device with this id, or None."""
    return session.get(Device, device_id)


def mine(session, user):
    """The devices a person sees, newest first: their own, or all for an admin."""
    query = select(Device).order_by(Device.registered_at.desc(), Device.id)
    if not permissions.allows(user, "device.see-all"):
        query = query.where(Device.owner_id == user.id)
    return list(session.scalars(query))


def find(session, user, device_id):
    """One device. Somebody else's does not exist.

    Raises: HostError `not-found`.
    """
    device = session.get(Device, device_id)
    sees_all = permissions.allows(user, "device.see-all")
    if device is None or not (sees_all or device.owner_id == user.id):
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


def claim(session, settings, user, code, name=None, address=None, *, now=None):
    """Make the device with this code the person's. The code is of no use afterwards.

    Raises: KeptError `no-such-code`, `rate-limited`.
    """
    now = utc(now)
    limits.hit(session, settings, "claim:user", str(user.id), now=now)
    limits.hit(session, settings, "claim:address", limits.network(address), now=now)
    device = session.scalars(select(Device).where(Device.claim_code == _tidy(code))).first()
    if device is None or strangers.is_forgotten(device, settings, now):
        raise _no_such_code()
    take(session, device, user, "by its claim code", now=now)
    device.name = name or device.name
    return device


def take(session, device, user, why, *, now):
    """The device is this person's from now on; it is told to look for its release.

    Raises: KeptError `no-such-code`, where somebody else was faster.
    """
    unclaimed = update(Device).where(Device.id == device.id, Device.state == "unclaimed")
    taken = unclaimed.values(state="claimed", owner_id=user.id, claim_code=None)
    if session.execute(taken).rowcount != 1:
        raise _no_such_code()
    session.refresh(device)
    events.add(session, user.email, f"device {device.id}", "claimed", why, now=now)
    outbox.put(session, device.id, outbox.CHECK, now=now)


def rename(session, device, name, who, *, now=None):
    """Give the device another name."""
    events.add(session, who, f"device {device.id}", "renamed", name, now=now)
    device.name = name


def retire(session, device, who, *, now=None):
    """Its secret no longer works, and its live session ends."""
    if device.state == "retired":
        return
    assignments.close(session, device.id, "retired", now=now)
    device.state, device.online, device.claim_code = "retired", False, None
    device.progress, device.conflict_digest = None, None
    events.add(session, who, f"device {device.id}", "retired", now=now)
    outbox.put(session, device.id, outbox.DISCONNECT, now=now)


def notify(session, device, what, *, now=None):
    """Tell a device something now, if it listens. `what` is one of services.outbox."""
    if device.state != "claimed":
        raise HostError("not-claimed", f"Device {device.id} is {device.state}.")
    device.retry_active = device.retry_active or what == outbox.RETRY_ACTIVE
    outbox.put(session, device.id, what, now=now)


def _no_such_code():
    return KeptError("no-such-code", "No device waits with this code. Codes expire.")


def _tidy(code):
    letters = "".join(letter for letter in code.upper() if letter.isalnum())
    half = _CODE_LETTERS // 2
    return f"{letters[:half]}-{letters[half:]}"[: _CODE_LETTERS + 1]
