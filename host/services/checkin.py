"""A board asks what to do: by far the most frequent request, so one statement and no objects.

The statement is compiled once and handed to the driver as it is: SQLAlchemy's own way to execute
it costs more than the rest of the request together.
"""

from contextlib import closing
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import bindparam, literal_column, or_, select, update

from host.errors import HostError
from host.models import Assignment, Device, Event, Release
from host.models.assignment import ASKED
from host.models.base import Instant
from host.services import secret

# People need to know it to the minute; writing it each time would be the bottleneck.
_SEEN_EVERY = timedelta(seconds=60)

_DEVICES, _ASSIGNMENTS, _RELEASES = Device.__table__, Assignment.__table__, Release.__table__
_DEVICE, _ASSIGNMENT, _RELEASE = _DEVICES.c, _ASSIGNMENTS.c, _RELEASES.c
# Spelled out as in the partial index, so that the database sees that the index serves.
_IS_OPEN = literal_column("assignment.state IN ('offered', 'started')")
_STALE = bindparam("stale", type_=Instant)


class Found(NamedTuple):
    """What the host knows of a board that asks; columns of the statement below."""

    id: str
    secret_digest: str
    state: str
    product: str
    runs: int | None
    retry_active: bool
    is_stale: bool
    assignment: int | None
    number: int | None
    manifest: str | None
    size: int | None
    step: str | None


_LOOK_UP = (
    select(
        _DEVICE.id,
        _DEVICE.secret_digest,
        _DEVICE.state,
        _DEVICE.product,
        _DEVICE.number,
        _DEVICE.retry_active,
        or_(_DEVICE.last_seen_at.is_(None), _DEVICE.last_seen_at < _STALE),
        _ASSIGNMENT.id,
        _RELEASE.number,
        _RELEASE.manifest_sha256,
        _RELEASE.manifest_size,
        _ASSIGNMENT.step,
    )
    .select_from(_DEVICES)
    .outerjoin(_ASSIGNMENTS, (_ASSIGNMENT.device_id == _DEVICE.id) & _IS_OPEN)
    .outerjoin(_RELEASES, _RELEASE.id == _ASSIGNMENT.release_id)
    .where(_DEVICE.id == bindparam("id"))
)


class CheckIns:
    """Looks boards up in one database."""

    def __init__(self, engine):
        self._engine = engine
        compiled = _LOOK_UP.compile(engine)
        self._sql = str(compiled)
        self._order = compiled.positiontup  # None where the driver takes names
        self._to_driver = Instant().bind_processor(engine.dialect) or (lambda moment: moment)

    def look_up(self, device_id, secret_hex, now):
        """What the host knows of the board that says it is this device; notes that it was seen.

        Raises: HostError `bad-credentials`, `retired`.
        """
        found = self._find(device_id, now)
        if found is None or not secret.matches(secret_hex, found.secret_digest):
            message = "No device has this id and secret. Register again."
            raise HostError("bad-credentials", message)
        if found.state == "retired":
            raise HostError("retired", f"Device {device_id} was retired.")
        if found.is_stale:
            self._note_seen(device_id, now)
        return found

    def note_asked(self, found, now):
        """A board is told for the first time what it is to take. Nothing else waits for that."""
        if _release(found) is None or found.step is not None:
            return
        asked = (
            update(_ASSIGNMENTS)
            .where(_ASSIGNMENT.id == found.assignment, _ASSIGNMENT.step.is_(None), _IS_OPEN)
            .values(step=ASKED, updated_at=now)
        )
        subject, why = f"device {found.id}", f"release {found.number}"
        event = {"at": now, "who": subject, "subject": subject, "what": "notified", "why": why}
        with self._engine.begin() as connection:
            if connection.execute(asked).rowcount:
                connection.execute(Event.__table__.insert().values(**event))

    def _find(self, device_id, now):
        values = {"id": device_id, "stale": self._to_driver(now - _SEEN_EVERY)}
        if self._order is not None:
            values = [values[name] for name in self._order]
        with closing(self._engine.raw_connection()) as connection:
            cursor = connection.cursor()
            cursor.execute(self._sql, values)
            row = cursor.fetchone()
        return None if row is None else Found(*row)

    def _note_seen(self, device_id, now):
        seen = update(_DEVICES).where(_DEVICE.id == device_id).values(last_seen_at=now)
        with self._engine.begin() as connection:
            connection.execute(seen)


def answer(found, poll_s=None, metadata=None):
    """What the board should do (SPEC section 7, `GET /assignment`).

    `metadata` is the version of timestamp.json: a board that trusts it fetches nothing.
    """
    value = {
        "state": found.state,
        "release": _release(found),
        "retry_active": bool(found.retry_active),
    }
    more = {"poll_s": poll_s, "metadata": metadata}
    return value | {name: said for name, said in more.items() if said is not None}


def _release(found):
    is_wanted = found.state == "claimed" and found.number not in (None, found.runs)
    if not is_wanted:
        return None
    return {
        "assignment": found.assignment,
        "number": found.number,
        "manifest": found.manifest,
        "size": found.size,
    }
