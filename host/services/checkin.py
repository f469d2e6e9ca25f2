"""A board asks what to do: by far the most frequent request, so one statement and no objects.

The ORM would cost more than the rest of the request together.
"""

from datetime import timedelta

from sqlalchemy import bindparam, literal_column, or_, select, update

from host.errors import HostError
from host.models import Assignment, Device, Release
from host.models.base import Instant
from host.services import secret

# People need to know it to the minute; writing it each time would be the bottleneck.
_SEEN_EVERY = timedelta(seconds=60)

_DEVICE, _ASSIGNMENT, _RELEASE = (one.__table__.c for one in (Device, Assignment, Release))
# Spelled out as in the partial index, so that the database sees that the index serves.
_IS_OPEN = literal_column("assignment.state IN ('offered', 'started')")
_LOOK_UP = (
    select(
        _DEVICE.id,
        _DEVICE.secret_digest,
        _DEVICE.state,
        _DEVICE.product,
        _DEVICE.number.label("runs"),
        _DEVICE.retry_active,
        or_(
            _DEVICE.last_seen_at.is_(None),
            _DEVICE.last_seen_at < bindparam("stale", type_=Instant),
        ).label("is_stale"),
        _ASSIGNMENT.id.label("assignment"),
        _RELEASE.number,
        _RELEASE.manifest_sha256,
        _RELEASE.manifest_size,
    )
    .select_from(Device)
    .outerjoin(Assignment, (_ASSIGNMENT.device_id == _DEVICE.id) & _IS_OPEN)
    .outerjoin(Release, _RELEASE.id == _ASSIGNMENT.release_id)
    .where(_DEVICE.id == bindparam("id"))
)


def look_up(connection, device_id, secret_hex, now):
    """What the host knows of the board that says it is this device; notes that it was seen.

    Raises: HostError `bad-credentials`, `retired`.
    """
    found = connection.execute(_LOOK_UP, {"id": device_id, "stale": now - _SEEN_EVERY}).first()
    if found is None or not secret.matches(secret_hex, found.secret_digest):
        raise HostError("bad-credentials", "No device has this id and secret. Register again.")
    if found.state == "retired":
        raise HostError("retired", f"Device {device_id} was retired.")
    if found.is_stale:
        connection.execute(update(Device).where(Device.id == device_id).values(last_seen_at=now))
        connection.commit()
    return found


def answer(found, poll_s=None):
    """What the board should do (SPEC section 7, `GET /assignment`)."""
    value = {
        "state": found.state,
        "release": _release(found),
        "retry_active": bool(found.retry_active),
    }
    return value if poll_s is None else {**value, "poll_s": poll_s}


def _release(found):
    is_wanted = found.state == "claimed" and found.number not in (None, found.runs)
    if not is_wanted:
        return None
    return {
        "assignment": found.assignment,
        "number": found.number,
        "manifest": found.manifest_sha256,
        "size": found.manifest_size,
    }
