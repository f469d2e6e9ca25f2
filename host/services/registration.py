"""How a board becomes a device (DESIGN section 6).

The cases, in the order they are decided:
 1. unknown id, valid token: claimed at once by the token's person.
 2. unknown id, no token: unclaimed with a code, within the limits for strangers.
 3. known id, its secret: what it says is noted; a valid token claims it if nobody has.
 4. known id, another secret: noted as a conflict for a person, and refused. Except that an
    unclaimed device, which is nobody's, gives way to a board with a valid token, and a claimed
    one renews its secret with a token that its owner was given for this very device.
 5. retired: refused, unless its owner deploys it again, with a token.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import select, update

from host.errors import HostError, KeptError
from host.models import Device, EnrolmentToken, User
from host.services import (
    assignments,
    claiming,
    conflicts,
    events,
    limits,
    owners,
    permissions,
    secret,
    strangers,
)
from host.services.clock import utc
from host.services.manifest import NUMBER_MAX, Product

_Text = Annotated[str, Field(max_length=64, pattern=r"^[ -~]*$")]


class Board(BaseModel):
    """What a board says of itself when it registers (SPEC section 7)."""

    model_config = ConfigDict(strict=True, extra="ignore")

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{6,32}$")]
    secret: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    product: Product
    model: _Text | None = None
    mac: Annotated[str, Field(max_length=32, pattern=r"^[0-9A-Fa-f:]*$")] | None = None
    abi: Annotated[int, Field(ge=0, le=255)] | None = None
    firmware: _Text | None = None
    number: Annotated[int, Field(ge=0, le=NUMBER_MAX)] | None = None
    token: Annotated[str, Field(max_length=200)] | None = None
    code: Annotated[str, Field(pattern=r"^[A-Z2-9]{4}-[A-Z2-9]{4}$")] | None = None


@dataclass(frozen=True)
class Registered:
    """What came of it: the device, and whether the token that came along was no good."""

    device: Device
    is_token_refused: bool


def register(session, settings, fields, address, *, now=None):
    """Register a board, or hear again from one that is.

    Raises: HostError `bad-request`, `retired`; KeptError `identity-conflict`, `rate-limited`.
    """
    now = utc(now)
    board = _parse(fields)
    token = _unused_token(session, board, now)
    person = _person(session, token)
    device = _known(session, settings, board, now)
    if device is None:
        device = _new(session, settings, board, person, address, now)
    elif device.state == "retired":
        _revive(session, device, board, person, now)
    elif not secret.matches(board.secret, device.secret_digest):
        _take_over_or_conflict(session, settings, device, board, token, person, address, now)
    _hear(session, device, board, now)
    if person and device.state == "unclaimed":
        claiming.take(session, device, person, "by an enrolment token", now=now)
    if device.state == "unclaimed":
        _show_codes(settings, device, board, now)
    if owners.is_theirs(session, person, device):
        _use(session, token, device, now)
    return Registered(device, is_token_refused=_is_refused(session, board, device))


def _parse(fields):
    try:
        return Board.model_validate(fields)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, found["loc"])) or "body"
        raise HostError("bad-request", f"{where}: {found['msg']}") from error


def _unused_token(session, board, now):
    token = _token(session, board)
    is_good = token is not None and token.used_at is None and token.expires_at > now
    return token if is_good and token.device_id in (None, board.id) else None


def _person(session, token):
    """Whose token it is, if they may have devices still."""
    user = session.get(User, token.user_id) if token else None
    is_good = user and not user.deactivated_at and permissions.allows(user, "device.claim")
    return user if is_good else None


def _is_refused(session, board, device):
    """A board that repeats itself, because the answer got lost, has used the token well."""
    token = _token(session, board)
    return bool(board.token) and (token is None or token.device_id != device.id)


def _token(session, board):
    if not board.token:
        return None
    digest = secret.digest(board.token)
    return session.scalars(select(EnrolmentToken).where(EnrolmentToken.digest == digest)).first()


def _use(session, token, device, now):
    """One use, also when two boards come at once: the database lets one through."""
    one = update(EnrolmentToken).where(
        EnrolmentToken.id == token.id, EnrolmentToken.used_at.is_(None)
    )
    if session.execute(one.values(used_at=now, device_id=device.id)).rowcount != 1:
        raise HostError("busy", "Another board used this token just now.", retry_after_s=1)


def _known(session, settings, board, now):
    device = session.get(Device, board.id)
    if device is not None and strangers.is_forgotten(device, settings, now):
        session.delete(device)  # it starts anew, with another code
        session.flush()
        return None
    return device


def _new(session, settings, board, person, address, now):
    if person is None:
        strangers.admit(session, settings, address, now)
    device = Device(
        id=board.id, secret_digest=secret.digest(board.secret), state="unclaimed",
        product=board.product, registered_at=now, registered_from=limits.network(address),
    )  # fmt: skip
    session.add(device)
    events.add(session, f"device {board.id}", f"device {board.id}", "registered", now=now)
    session.flush()
    return device


def _revive(session, device, board, person, now):
    if not owners.is_theirs(session, person, device):
        raise HostError("retired", f"Device {device.id} was retired.")
    device.secret_digest, device.state = secret.digest(board.secret), "claimed"
    events.add(session, person.email, f"device {device.id}", "revived", "deployed again", now=now)


def _take_over_or_conflict(session, settings, device, board, token, person, address, now):
    if person and device.state == "unclaimed":
        device.secret_digest = secret.digest(board.secret)
        conflicts.settle(device)
        return
    if owners.is_theirs(session, person, device) and token.device_id == device.id:
        conflicts.renew(session, device, secret.digest(board.secret), person.email, now=now)
        return
    conflicts.note(session, settings, device, board.secret, person, address, now)
    raise KeptError(
        "identity-conflict",
        f"Device {device.id} is registered with another secret. Its owner must decide.",
    )


def _show_codes(settings, device, board, now):
    claiming.ensure_code(settings, device)
    if board.code:
        claiming.hear(settings, device, board.code, now=now)


def _hear(session, device, board, now):
    for field in ("product", "model", "mac", "abi", "firmware"):
        said = getattr(board, field)
        if said is not None:
            setattr(device, field, said)
    assignments.note_firmware(session, device, now=now)
    if board.number is not None:
        assignments.runs(session, device, board.number, now=now)
    device.last_seen_at = now
    session.flush()
