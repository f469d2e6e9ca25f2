"""Rate limits: a counter per bucket and window, shared by all workers through the database."""

import ipaddress
from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from host.errors import KeptError
from host.models import Attempt
from host.services.clock import utc


def hit(session, settings, name, subject="", *, now=None):
    """Count an attempt; the one that is too many is refused, with the time until the window ends.

    Raises: KeptError `rate-limited`.
    """
    now = utc(now)
    most, seconds = settings.limit(name)
    bucket = f"{name} {subject}"[:320]
    _refuse_over(session, bucket, most, now)  # before writing: a flood is only read
    _begin(session, bucket, now, now + timedelta(seconds=seconds))
    session.execute(
        update(Attempt).where(Attempt.bucket == bucket).values(count=Attempt.count + 1)
    )
    _refuse_over(session, bucket, most + 1, now)  # others may have come at the same time


def clear(session, name, subject=""):
    """Forget the attempts: the last one was right."""
    session.execute(delete(Attempt).where(Attempt.bucket == f"{name} {subject}"[:320]))


def forgive(session, name, subject=""):
    """The last attempt was right: it does not count. Those before it still do."""
    bucket = f"{name} {subject}"[:320]
    right = update(Attempt).where(Attempt.bucket == bucket, Attempt.count > 0)
    session.execute(right.values(count=Attempt.count - 1))


def network(address):
    """What shares a limit: one IPv4 address, or the /64 that one IPv6 customer has."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed  # as a socket listening on :: sees it
    if parsed.version == 6:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _refuse_over(session, bucket, count, now):
    query = select(Attempt.ends_at).where(
        Attempt.bucket == bucket, Attempt.count >= count, Attempt.ends_at > now
    )
    ends_at = session.scalar(query)
    if ends_at is not None:
        wait_s = max(1, int((ends_at - now).total_seconds()))
        sentence = f"Too many attempts. Try again in {wait_s} s."
        raise KeptError("rate-limited", sentence, retry_after_s=wait_s)


def _begin(session, bucket, now, ends_at):
    session.execute(delete(Attempt).where(Attempt.ends_at <= now))  # keeps the table small, too
    try:
        with session.begin_nested():
            session.execute(
                Attempt.__table__.insert().values(bucket=bucket, count=0, ends_at=ends_at)
            )
    except IntegrityError:
        pass  # the window is open already
