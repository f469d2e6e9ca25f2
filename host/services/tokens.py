"""What people act with: sign-ins of browsers and command lines, and tokens for programs."""

from datetime import timedelta

from sqlalchemy import delete, select, update

from host.errors import HostError
from host.models import EnrolmentToken, Token
from host.services import limits, owners, permissions, secret
from host.services.clock import utc

BROWSER, COMMAND_LINE, API = "browser", "command-line", "api"

_PREFIX = "mpf_"
_ENROLMENT_PREFIX = "mpe_"
_USED_EVERY = timedelta(seconds=60)  # people need to know it to the minute
_AGENT_CHARS = 200
_DAY_S = 24 * 3600
_DAYS_MAX = 366


def issue(session, user, name, seconds, kind=COMMAND_LINE, scopes=None, *, now=None):
    """A new token of a person: (its text, told once; the token)."""
    now = utc(now)
    session.execute(delete(Token).where(Token.expires_at <= now))
    text = secret.token(_PREFIX)
    kept = Token(
        user=user, digest=secret.digest(text), kind=kind, name=name, scopes=scopes,
        created_at=now, expires_at=now + timedelta(seconds=seconds),
    )  # fmt: skip
    session.add(kept)
    session.flush()
    return text, kept


def issue_for_program(session, user, name, scopes, days, *, now=None):
    """A token that may no more than its scopes say, and no more than its person.

    Raises: HostError `bad-request`.
    """
    permissions.check_scopes(user, scopes)
    if type(days) is not int or not 1 <= days <= _DAYS_MAX:
        raise HostError("bad-request", f"A token is good for 1 to {_DAYS_MAX} days.")
    return issue(session, user, name, days * _DAY_S, API, sorted(set(scopes)), now=now)


def find(session, text, *, now=None):
    """The valid token of this text, or None. Looked up by hash: nothing is compared here."""
    query = select(Token).where(Token.digest == secret.digest(text), Token.expires_at > utc(now))
    token = session.scalars(query).first()
    return None if token is None or token.user.deactivated_at else token


def is_use_due(token, address, *, now=None):
    """Whether this use of a token is worth writing down."""
    is_long_ago = token.last_used_at is None or utc(now) - token.last_used_at >= _USED_EVERY
    return is_long_ago or token.last_used_from != limits.network(address)


def note_use(session, token_id, address, agent, *, now=None):
    """Write down when, from where and by what a token was used."""
    used = {
        "last_used_at": utc(now),
        "last_used_from": limits.network(address),
        "agent": "".join(filter(str.isprintable, agent))[:_AGENT_CHARS],
    }
    session.execute(update(Token).where(Token.id == token_id).values(**used))


def of(session, user, *, now=None):
    """A person's tokens that are good still, the newest first."""
    query = select(Token).where(Token.user_id == user.id, Token.expires_at > utc(now))
    return list(session.scalars(query.order_by(Token.id.desc())))


def revoke(session, text):
    """A token is of no use any more."""
    session.execute(delete(Token).where(Token.digest == secret.digest(text)))


def revoke_one(session, user, token_id):
    """One of a person's own tokens is of no use any more. Raises: HostError `not-found`."""
    token = session.get(Token, token_id)
    if token is None or token.user_id != user.id:
        raise HostError("not-found", f"You have no token {token_id}.")
    session.delete(token)


def revoke_all(session, user, but=""):
    """None of a person's tokens is of use any more, but for the one of this text; how many."""
    gone = delete(Token).where(Token.user_id == user.id, Token.digest != secret.digest(but))
    return session.execute(gone).rowcount


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
