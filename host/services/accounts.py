"""People: accounts, roles, passwords, signing in."""

import re
import secrets
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import delete, func, select, update

from host.errors import HostError, KeptError
from host.models import EnrolmentToken, Link, User
from host.services import events, limits, permissions, tokens
from host.services.clock import utc

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
_PASSWORD_CHARS = range(10, 1025)
_HASHER = PasswordHasher()  # argon2id with the library's current recommendation


def is_empty(session):
    """Whether nobody has an account yet."""
    return session.scalar(select(func.count(User.id))) == 0


def address(email):
    """An e-mail address as it is kept: whoever looks alike is the same.

    Raises: HostError `bad-request`.
    """
    tidy = _tidy(email)
    if not _EMAIL.fullmatch(tidy) or not tidy.isprintable():
        raise HostError("bad-request", "Give an e-mail address, like ada@example.org.")
    return tidy


def create(session, email, role="operator", who=events.HOST, password=None, *, now=None):
    """A new account: (user, password). Without one, a password is made here and told once.

    Raises: HostError `bad-request`, `email-taken`, `weak-password`.
    """
    email = address(email)
    permissions.check_role(role)
    if session.scalar(select(User.id).where(User.email == email)):
        raise HostError("email-taken", f"{email} has an account already.")
    password = password or secrets.token_urlsafe(12)
    user = User(email=email, role=role, created_at=utc(now))
    _set_password(user, password)
    session.add(user)
    _note(session, who, user, "created", role, now=now)
    session.flush()
    return user, password


def find(session, email):
    """A person by address. Raises: HostError `not-found`."""
    email = _tidy(email)
    user = session.scalars(select(User).where(User.email == email)).first()
    if user is None:
        raise HostError("not-found", f"Nobody has an account as {email}.")
    return user


def find_active(session, email):
    """The same, of those who may sign in. Raises: HostError `not-found`."""
    user = find(session, email)
    if user.deactivated_at:
        raise HostError("not-found", f"{user.email} is deactivated.")
    return user


def get(session, user_id):
    """A person by number. Raises: HostError `not-found`."""
    user = session.get(User, user_id)
    if user is None:
        raise HostError("not-found", f"There is no person {user_id}.")
    return user


def everyone(session):
    """All accounts by address."""
    return list(session.scalars(select(User).order_by(User.email)))


def history(session, user, limit=20):
    """What became of an account, the newest first."""
    return events.of(session, _subject(user), limit)


def set_role(session, user, role, who, *, now=None):
    """Another role, from now on, also for whoever is signed in.

    Raises: HostError `bad-request`, `last-admin`.
    """
    permissions.check_role(role)
    if role == user.role:
        return
    _must_leave_an_admin(session, user)
    _note(session, who, user, "role-changed", f"{user.role} to {role}", now=now)
    user.role = role


def deactivate(session, user, who, *, now=None):
    """Nobody is signed in as this person any more, or signs in. What is theirs stays theirs.

    Raises: HostError `last-admin`.
    """
    if user.deactivated_at:
        return
    _must_leave_an_admin(session, user)
    user.deactivated_at = utc(now)
    tokens.revoke_all(session, user)
    session.execute(delete(EnrolmentToken).where(
        EnrolmentToken.user_id == user.id, EnrolmentToken.used_at.is_(None)
    ))  # fmt: skip
    session.execute(delete(Link).where(Link.email == user.email))
    _note(session, who, user, "deactivated", now=now)


def activate(session, user, who, *, now=None):
    """The person may sign in again, with the password of before."""
    if user.deactivated_at:
        user.deactivated_at = None
        _note(session, who, user, "activated", now=now)


def reset_password(session, email):
    """Another password, told once; whoever is signed in with the old one no longer is.

    Raises: HostError `not-found`.
    """
    user = find(session, email)
    password = secrets.token_urlsafe(12)
    change_password(session, user, password, events.HOST)
    return password


def change_password(session, user, password, who, keep="", *, now=None):
    """Another password; all sign-ins end, but for the token of the text `keep`.

    Raises: HostError `weak-password`.
    """
    _set_password(user, password)
    tokens.revoke_all(session, user, but=keep)
    session.execute(delete(Link).where(Link.kind == "reset", Link.email == user.email))
    limits.clear(session, "sign-in:email", user.email)
    _note(session, who, user, "password-changed", now=now)


def check_password(email, password):
    """Raise HostError `weak-password` for one that is too easily guessed."""
    if len(password) not in _PASSWORD_CHARS or _tidy(password) in (email, email.split("@")[0]):
        least = _PASSWORD_CHARS.start
        message = f"Choose a password of at least {least} characters, and not the address."
        raise HostError("weak-password", message)


def sign_in(session, settings, email, password, address, *, now=None):
    """The user with this address and password.

    Raises: KeptError `bad-credentials` (not saying which of them is wrong), `rate-limited`.
    """
    email = _tidy(email)
    network = limits.network(address)
    limits.hit(session, settings, "sign-in:address", network, now=now)
    limits.hit(session, settings, "sign-in:email-address", f"{email} {network}", now=now)
    limits.hit(session, settings, "sign-in:email", email, now=now)
    user = session.scalars(select(User).where(User.email == email)).first()
    is_right = _is_password(user.password_hash if user else _nobody(), password)
    if not is_right or user is None or user.deactivated_at:
        raise KeptError("bad-credentials", "This address and password do not go together.")
    limits.clear(session, "sign-in:email-address", f"{email} {network}")
    return user


def _tidy(email):
    return unicodedata.normalize("NFKC", email).strip().lower()


def _set_password(user, password):
    check_password(user.email, password)
    user.password_hash = _HASHER.hash(password)


def _must_leave_an_admin(session, user):
    if user.role != permissions.ADMIN or user.deactivated_at:
        return
    # Changes nothing, but whoever else is about to count admins waits, and sees what we did: else
    # two of them, each counting on the other, could both go.
    session.execute(update(User).where(User.role == permissions.ADMIN).values(role=User.role))
    others = select(User.id).where(
        User.role == permissions.ADMIN, User.deactivated_at.is_(None), User.id != user.id
    )
    if session.scalars(others).first() is None:
        raise HostError("last-admin", f"{user.email} is the only admin: make another one first.")


def _note(session, who, user, what, why="", *, now):
    events.add(session, who, _subject(user), what, why, now=now)


def _subject(user):
    return f"user {user.email}"[:64]


@cache
def _nobody():
    """Checked for an unknown address, so that the answer takes as long as for a known one."""
    return _HASHER.hash(secrets.token_hex(16))


def _is_password(kept, password):
    try:
        return _HASHER.verify(kept, password)
    except (VerifyMismatchError, InvalidHashError):
        return False
