"""Messages to boards, queued in the transaction that decides them and sent by the bridge."""

from sqlalchemy import delete, insert, select

from host.models import Device, Outbox
from host.services.clock import utc

CHECK = {"what": "check"}
RETRY_ACTIVE = {"what": "retry-active"}
DISCONNECT = {"what": "disconnect"}  # for the bridge itself: end the device's live session


def put(session, device_id, what, *, now=None):
    """Queue a message for a device."""
    put_all(session, [device_id], what, now=now)


def put_all(session, device_ids, what, *, now=None):
    """Queue a message for each of some devices. The same one, where it waits already, gives way.

    For the bridge may be sending that this moment, before what is decided here can be seen, and
    forgets it then by its number: the new one has another, as both are there for an instant.
    """
    query = select(Outbox.id, Outbox.what).where(Outbox.device_id.in_(device_ids))
    same = [number for number, said in session.execute(query) if said == what]
    values = {"what": what, "created_at": utc(now)}
    session.execute(insert(Outbox), [{"device_id": one, **values} for one in device_ids])
    done(session, same)


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
