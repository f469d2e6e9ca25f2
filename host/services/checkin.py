"""A board asks what to do: by far the most frequent request, so one statement and no objects.

The ORM would cost more than the rest of the request together.
"""

from datetime import timedelta

from sqlalchemy import bindparam, text, update

from host.errors import HostError
from host.models import Device
from host.models.base import Instant
from host.services import secret

# People need to know it to the minute; writing it each time would be the bottleneck.
_SEEN_EVERY = timedelta(seconds=60)

_LOOK_UP = text("""
SELECT d.id, d.secret_digest, d.state, d.product, d.number AS runs, d.retry_active,
       d.last_seen_at IS NULL OR d.last_seen_at < :stale AS is_stale,
       a.id AS assignment, r.number, r.manifest_sha256, r.manifest_size
FROM device d
LEFT JOIN assignment a ON a.device_id = d.id AND a.state IN ('offered', 'started')
LEFT JOIN release r ON r.id = a.release_id
WHERE d.id = :id
""").bindparams(bindparam("stale", type_=Instant))


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
