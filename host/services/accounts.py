"""People: accounts, sign-in, tokens."""

import re
import secrets
from datetime import timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import delete, func, select

from host.errors import HostError, KeptError
from host.models import EnrolmentToken, Token, User
from host.services import events, limits, owners, permissions, secret
from host.services.clock import utc

TOKEN_PREFIX = "mpf_"  # noqa: S105 - says what it is, is none
_ENROLMENT_PREFIX = "mpe_"
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
_HASHER = PasswordHasher()  # argon2id with the library's current recommendation


def is_empty(session):
    """Whether nobody has an account yet."""
    return session.scalar(select(func.count(User.id))) == 0


def create(session, email, role="operator", who=events.HOST, *, now=None):
    """A new account: (user, password). The password is made here and told once.

    Raises: HostError `bad-request`, `email-taken`.
    """
    email = email.strip().lower()
    if not _EMAIL.fullmatch(email) or role not in permissions.ROLES:
        roles = ", ".join(permissions.ROLES)
        raise HostError("bad-request", f"Give an e-mail address and one of the roles {roles}.")
    if session.scalar(select(User.id).where(User.email == email)):
        raise HostError("email-taken", f"{email} has an account already.")
    password = secrets.token_urlsafe(12)
    user = User(email=email, role=role, password_hash=_HASHER.hash(password), created_at=utc(now))
    session.add(user)
    events.add(session, who, f"user {email}"[:64], "created", role, now=now)
    session.flush()
    return user, password


def find(session, email):
    """A person by address. Raises: HostError `not-found`."""
    email = email.strip().lower()
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


def reset_password(session, email):
    """Another password, told once; whoever is signed in with the old one no longer is.

    Raises: HostError `not-found`.
    """
    user = find(session, email)
    password = secrets.token_urlsafe(12)
    user.password_hash = _HASHER.hash(password)
    session.execute(delete(Token).where(Token.user_id == user.id))
    limits.clear(session, "sign-in:email", user.email)
    events.add(session, events.HOST, f"user {user.email}"[:64], "password-reset")
    return password


def everyone(session):
    """All accounts by address."""
    return list(session.scalars(select(User).order_by(User.email)))


def sign_in(session, settings, email, password, address, *, now=None):
    """The user with this address and password.

    Raises: KeptError `bad-credentials` (not saying which of them is wrong), `rate-limited`.
    """
    email = email.strip().lower()
    network = limits.network(address)
    limits.hit(session, settings, "sign-in:address", network, now=now)
    limits.hit(session, settings, "sign-in:email-address", f"{email} {network}", now=now)
    limits.hit(session, settings, "sign-in:email", email, now=now)
    user = session.scalars(select(User).where(User.email == email)).first()
    if not _is_password(user.password_hash if user else _nobody(), password) or user is None:
        raise KeptError("bad-credentials", "This address and password do not go together.")
    limits.clear(session, "sign-in:email-address", f"{email} {network}")
    return user


def issue(session, user, name, seconds, *, now=None):
    """A new token of a person: (its text, told once; the token)."""
    now = utc(now)
    session.execute(delete(Token).where(Token.expires_at <= now))
    text = secret.token(TOKEN_PREFIX)
    kept = Token(
        user=user, digest=secret.digest(text), name=name, created_at=now,
        expires_at=now + timedelta(seconds=seconds),
    )  # fmt: skip
    session.add(kept)
    session.flush()
    return text, kept


def by_token(session, text, *, now=None):
    """The user whose valid token this is, or None. Looked up by hash: nothing is compared here."""
    query = select(Token).where(Token.digest == secret.digest(text), Token.expires_at > utc(now))
    token = session.scalars(query).first()
    return token.user if token else None


def revoke(session, text):
    """A token is of no use any more."""
    session.execute(delete(Token).where(Token.digest == secret.digest(text)))


def tokens(session, user, *, now=None):
    """A person's tokens that are good still, the newest first."""
    query = select(Token).where(Token.user_id == user.id, Token.expires_at > utc(now))
    return list(session.scalars(query.order_by(Token.id.desc())))


def revoke_one(session, user, token_id):
    """One of a person's own tokens is of no use any more. Raises: HostError `not-found`."""
    token = session.get(Token, token_id)
    if token is None or token.user_id != user.id:
        raise HostError("not-found", f"You have no token {token_id}.")
    session.delete(token)


def enrolment(session, settings, user, device=None, *, now=None):
    """A token that lets one board register as this person's: (its text, the token).

    With a device of theirs it lets that one alone register, with another secret than before.

    Raises: HostError `forbidden` for a device of somebody else.
    """
    if device and not owners.is_theirs(session, user, device):
        raise HostError("forbidden", f"Device {device.id} is not yours.")
    now = utc(now)
    long_ago = now - timedelta(days=30)  # until then it can be seen which board used which
    session.execute(delete(EnrolmentToken).where(EnrolmentToken.expires_at < long_ago))
    text = secret.token(_ENROLMENT_PREFIX)
    kept = EnrolmentToken(
        user_id=user.id, digest=secret.digest(text), created_at=now,
        device_id=device.id if device else None,
        expires_at=now + timedelta(seconds=settings.enrolment_s),
    )  # fmt: skip
    session.add(kept)
    session.flush()
    return text, kept


@cache
def _nobody():
    """Checked for an unknown address, so that the answer takes as long as for a known one."""
    return _HASHER.hash(secrets.token_hex(16))


def _is_password(kept, password):
    try:
        return _HASHER.verify(kept, password)
    except (VerifyMismatchError, InvalidHashError):
        return False
