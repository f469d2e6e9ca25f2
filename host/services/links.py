"""One-time links: an admin hands them over, and who has one signs up, or chooses a password."""

from datetime import timedelta

from sqlalchemy import delete, select

from host.errors import HostError, KeptError
from host.models import Link, User
from host.services import accounts, events, limits, permissions, secret
from host.services.clock import utc

INVITATION, RESET = "invitation", "reset"
_PREFIXES = {INVITATION: "mpi_", RESET: "mpr_"}
_DAY_S = 24 * 3600
_DAYS_MAX = 90


def invite(session, settings, admin, email, role, days=None, *, now=None):
    """An invitation of this address: (the link's text, told once; the link). The last one counts.

    Raises: HostError `bad-request`, `email-taken`.
    """
    email = accounts.address(email)
    permissions.check_role(role)
    if session.scalar(select(User.id).where(User.email == email)):
        raise HostError("email-taken", f"{email} has an account already.")
    if days is not None and (type(days) is not int or not 1 <= days <= _DAYS_MAX):
        raise HostError("bad-request", f"An invitation is good for 1 to {_DAYS_MAX} days.")
    seconds = settings.invitation_s if days is None else days * _DAY_S
    made = _make(session, INVITATION, email, admin, seconds, role=role, now=now)
    events.add(session, admin.email, f"user {email}"[:64], "invited", role, now=now)
    return made


def reset(session, settings, admin, user, *, now=None):
    """A link by which a person chooses another password: (its text, told once; the link).

    Raises: HostError `not-found`, for one who is deactivated.
    """
    user = accounts.find_active(session, user.email)
    made = _make(session, RESET, user.email, admin, settings.reset_s, now=now)
    events.add(session, admin.email, f"user {user.email}"[:64], "reset-link-made", now=now)
    return made


def find(session, kind, text, *, now=None):
    """The link of this text, if it is good still. Raises: KeptError `no-such-link`."""
    query = select(Link).where(
        Link.digest == secret.digest(text), Link.kind == kind, Link.expires_at > utc(now)
    )
    link = session.scalars(query).first()
    if link is None:
        raise _no_such_link()
    return link


def sign_up(session, settings, text, password, address, *, now=None):
    """The account that an invitation makes.

    Raises: KeptError `no-such-link`, `rate-limited`; HostError `weak-password`, `email-taken`.
    """
    _count(session, settings, "sign-up", address, now)
    link = find(session, INVITATION, text, now=now)
    accounts.check_password(link.email, password)
    _use(session, link)
    who = f"{link.email}, invited by {link.created_by}"[:254]
    return accounts.create(session, link.email, link.role, who, password, now=now)[0]


def sign_up_uninvited(session, settings, email, password, address, *, now=None):
    """The account that anybody makes, where the settings let them.

    Raises: HostError `not-found`, `bad-request`, `weak-password`, `email-taken`;
    KeptError `rate-limited`.
    """
    must_be_open(settings)
    _count(session, settings, "sign-up", address, now)
    email = accounts.address(email)
    return accounts.create(session, email, settings.sign_up, email, password, now=now)[0]


def must_be_open(settings):
    """Raise HostError `not-found` where people come by invitation only."""
    if not settings.sign_up:
        raise HostError("not-found", "This host takes people by invitation.")


def choose_password(session, settings, text, password, address, *, now=None):
    """The person who has another password now; they are signed in nowhere else any more.

    Raises: KeptError `no-such-link`, `rate-limited`; HostError `weak-password`.
    """
    _count(session, settings, "reset", address, now)
    link = find(session, RESET, text, now=now)
    accounts.check_password(link.email, password)
    _use(session, link)
    user = accounts.find_active(session, link.email)
    accounts.change_password(session, user, password, user.email, now=now)
    return user


def invitations(session, *, now=None):
    """The invitations that are good still, the newest first."""
    query = select(Link).where(Link.kind == INVITATION, Link.expires_at > utc(now))
    return list(session.scalars(query.order_by(Link.id.desc())))


def take_back(session, link_id, who, *, now=None):
    """An invitation is of no use any more. Raises: HostError `not-found`."""
    link = session.get(Link, link_id)
    if link is None or link.kind != INVITATION:
        raise HostError("not-found", f"There is no invitation {link_id}.")
    events.add(session, who, f"user {link.email}"[:64], "invitation-taken-back", now=now)
    session.delete(link)


def _make(session, kind, email, admin, seconds, role=None, *, now):
    now = utc(now)
    older = (Link.kind == kind) & (Link.email == email)
    session.execute(delete(Link).where(older | (Link.expires_at <= now)))
    text = secret.token(_PREFIXES[kind])
    link = Link(
        kind=kind, email=email, role=role, digest=secret.digest(text), created_by=admin.email,
        created_at=now, expires_at=now + timedelta(seconds=seconds),
    )  # fmt: skip
    session.add(link)
    session.flush()
    return text, link


def _use(session, link):
    """Once, also when two come at the same time: the database lets one through."""
    if session.execute(delete(Link).where(Link.id == link.id)).rowcount != 1:
        raise _no_such_link()


def _count(session, settings, what, address, now):
    limits.hit(session, settings, f"{what}:address", limits.network(address), now=now)


def _no_such_link():
    message = "This link was used, has expired, or never was. Ask an admin for another."
    return KeptError("no-such-link", message)
