"""How a device gets its person: by a code that only who has the board can know.

The codes: ours, which the board shows and a person types, good for as long as the device waits;
and the one that the board made when it was given its WiFi, in the address that it answered with,
good for that device and one hour. Both are kept as hashes, and gone once one of them was used.
"""

import secrets
from datetime import timedelta

from sqlalchemy import select, update

from host.errors import KeptError
from host.models import Device
from host.services import assignments, conflicts, events, limits, outbox, owners, secret, strangers
from host.services.clock import utc

_BOARD_CODE_S = 3600
_CODE_LETTERS = 8

# What a page says of a device in an address, before anybody claims it
YOURS, READY, WAITING, REFUSED = "yours", "ready", "waiting", "refused"


def ensure_code(settings, device):
    """Give a device that waits for its person a code, unless it has one.

    One that was made with another key (a backup without keys was restored) is none.
    """
    if device.claim_digest != _digest(settings, code(settings, device) or ""):
        open_code(settings, device)


def open_code(settings, device):
    """Give a device that waits for its person another code."""
    device.claim_seed = secrets.token_hex(16)
    device.claim_digest = _digest(settings, code(settings, device))


def code(settings, device):
    """The code of a device that waits for its person, else None."""
    if device.state != "unclaimed" or device.claim_seed is None:
        return None
    return secret.claim_code(settings.secret_key(), device.claim_seed)


def hear(settings, device, board_code, *, now):
    """Take the code that a board made for the address that it showed. A newer one replaces it."""
    digest = _digest(settings, board_code)
    if device.board_code_digest != digest:
        device.board_code_digest, device.board_code_at = digest, now


def standing(session, settings, user, device_id, *, now=None):
    """What an address that names a device leads to, without a look at its code."""
    device = session.get(Device, device_id)
    if device is None or strangers.is_forgotten(device, settings, utc(now)):
        return WAITING
    if device.state == "unclaimed":
        return READY if device.board_code_digest else WAITING
    return YOURS if owners.is_theirs(session, user, device) else REFUSED


def claim(session, settings, user, given, name=None, address=None, device_id=None, *, now=None):
    """Make the device with this code the person's. The code is of no use afterwards.

    An address that names a device of one's own leads to it, whatever its code is good for.

    Raises: KeptError `no-such-code`, the same whatever was wrong; `rate-limited`.
    """
    now = utc(now)
    if device_id and standing(session, settings, user, device_id, now=now) == YOURS:
        return session.get(Device, device_id)
    limits.hit(session, settings, "claim:user", str(user.id), now=now)
    limits.hit(session, settings, "claim:address", limits.network(address), now=now)
    device = _found(session, settings, _tidy(given), device_id, now)
    if device is None or strangers.is_forgotten(device, settings, now):
        raise no_such_code()
    take(session, device, user, "by its claim code", now=now)
    device.name = name or device.name
    limits.forgive(session, "claim:user", str(user.id))
    limits.forgive(session, "claim:address", limits.network(address))
    return device


def take(session, device, user, why, *, now):
    """The device is this person's from now on; it is told to look for its release.

    Raises: KeptError `no-such-code`, where somebody else was faster.
    """
    unclaimed = update(Device).where(Device.id == device.id, Device.state == "unclaimed")
    taken = unclaimed.values(state="claimed", owner_id=user.id, owned_since=now, **_NO_CODES)
    if session.execute(taken).rowcount != 1:
        raise no_such_code()
    session.refresh(device)
    events.add(session, user.email, f"device {device.id}", "claimed", why, now=now)
    outbox.put(session, device.id, outbox.CHECK, now=now)


def give_back(session, settings, device, who, *, now=None):
    """The device is nobody's again, and waits for its next person with another code.

    It keeps its secret; nothing that its person gave it (a name, an open offer) goes on.
    """
    now = utc(now)
    owners.must_be_somebodys(device)
    assignments.close(session, device.id, "given-back", now=now)
    conflicts.settle(device)
    device.owner, device.group, device.offered_to, device.offered_at = None, None, None, None
    device.state, device.name, device.progress, device.owned_since = "unclaimed", "", None, None
    device.registered_at = now  # it waits from now on
    open_code(settings, device)
    events.add(session, who, f"device {device.id}", "given-back", now=now)


def forget_codes(device):
    """No code claims this device."""
    for field, value in _NO_CODES.items():
        setattr(device, field, value)


def no_such_code():
    """The refusal of every claim."""
    return KeptError("no-such-code", "No device waits with this code. Codes expire.")


_NO_CODES = dict.fromkeys(
    ("claim_seed", "claim_digest", "board_code_digest", "board_code_at"), None
)


def _found(session, settings, given, device_id, now):
    digest = _digest(settings, given)
    if device_id is None:
        return session.scalars(select(Device).where(Device.claim_digest == digest)).first()
    device = session.get(Device, device_id)
    if device is None or device.state != "unclaimed":
        return None
    kept = [device.claim_digest]
    if device.board_code_at and now - device.board_code_at <= timedelta(seconds=_BOARD_CODE_S):
        kept.append(device.board_code_digest)
    return device if any(secret.is_same(digest, one) for one in kept if one) else None


def _digest(settings, given):
    return secret.keyed(settings.secret_key(), given)


def _tidy(given):
    letters = "".join(letter for letter in given.upper() if letter.isalnum())
    half = _CODE_LETTERS // 2
    return f"{letters[:half]}-{letters[half:]}"[: _CODE_LETTERS + 1]
