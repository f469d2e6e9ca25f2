"""Boards that register without a token: few at a time, and not for ever.

So that thousands of them neither fill the table nor cost the database a write each.
"""

from datetime import timedelta

from sqlalchemy import delete, func, select

from host.errors import KeptError
from host.models import Device
from host.services import limits


def admit(session, settings, address, now):
    """Let one more in.

    In all before by address: so the counters by address stay few, too.
    Raises: KeptError `rate-limited`.
    """
    limits.hit(session, settings, "register:all", now=now)
    limits.hit(session, settings, "register:address", limits.network(address), now=now)
    too_old = now - timedelta(seconds=settings.unclaimed_s)
    session.execute(
        delete(Device).where(Device.state == "unclaimed", Device.registered_at < too_old)
    )
    waiting = session.scalar(select(func.count()).where(Device.state == "unclaimed"))
    if waiting >= settings.unclaimed_max:
        raise KeptError(
            "rate-limited",
            "Too many devices wait to be claimed. Deploy with an enrolment token, or try later.",
            retry_after_s=3600,
        )


def is_forgotten(device, settings, now):
    """Whether a device waited too long for its person: its code is of no use any more."""
    age_s = (now - device.registered_at).total_seconds()
    return device.state == "unclaimed" and age_s > settings.unclaimed_s
