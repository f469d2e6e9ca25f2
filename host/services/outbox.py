"""Messages to boards, queued in the transaction that decides them and sent by the bridge."""

from sqlalchemy import delete, select

from host.models import Device, Outbox
from host.services.clock import utc

CHECK = {"what": "check"}
RETRY_ACTIVE = {"what": "retry-active"}
DISCONNECT = {"what": "disconnect"}  # for the bridge itself: end the device's live session


def put(session, device_id, what, *, now=None):
    """Queue a message, unless the same one is waiting already."""
    waiting = session.scalars(select(Outbox.what).where(Outbox.device_id == device_id))
    if what not in list(waiting):
        session.add(Outbox(device_id=device_id, what=what, created_at=utc(now)))
        session.flush()


def take(session, limit=100):
    """The oldest messages (`id`, `device_id`, `what`) to devices that listen now.

    Others wait until theirs does: a board whose memory bears one TLS session is not there while it
    talks over HTTPS, and asked for its assignment a moment before. All stay until `done` is told.
    """
    waiting = select(Outbox).join(Device, Device.id == Outbox.device_id).order_by(Outbox.id)
    listens = Device.online | (Outbox.what["what"].as_string() == DISCONNECT["what"])
    return list(session.scalars(waiting.where(listens).limit(limit)))


def done(session, ids):
    """These were sent: forget them."""
    session.execute(delete(Outbox).where(Outbox.id.in_(list(ids))))
