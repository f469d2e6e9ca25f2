"""Messages to boards, queued in the transaction that decides them and sent by the bridge."""

from sqlalchemy import delete, select

from host.models import Outbox
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
    """The oldest waiting messages (`id`, `device_id`, `what`). They stay until `done` is told."""
    return list(session.scalars(select(Outbox).order_by(Outbox.id).limit(limit)))


def done(session, ids):
    """These were sent: forget them."""
    session.execute(delete(Outbox).where(Outbox.id.in_(list(ids))))
