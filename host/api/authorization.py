"""Who is asking: a board by id and secret, a person by token."""

from datetime import UTC, datetime

from flask import request

from host.errors import HostError
from host.extensions import host, session
from host.services import accounts, devices, permissions


def board():
    """What the host knows of the board that asks (services.checkin.Found).

    Raises: HostError `bad-credentials`, `retired`.
    """
    device_id, _, secret = bearer().partition(":")
    return host().check_ins.look_up(device_id, secret, datetime.now(UTC))


def claimed_board():
    """The same, of a board that belongs to somebody. Raises: HostError `forbidden`, too."""
    found = board()
    if found.state != "claimed":
        raise HostError("forbidden", "This device is not claimed yet, so there is nothing for it.")
    return found


def device():
    """The board that asks, as an object of this request's session."""
    return devices.known(session(), board().id)


def person(action):
    """The person whose token came along, if the role allows the action.

    Raises: HostError `bad-credentials`, `forbidden`.
    """
    user = accounts.by_token(session(), bearer())
    if user is None:
        raise HostError("bad-credentials", "This needs a valid token: mpfleet login.")
    if not permissions.allows(user.role, action):
        raise HostError("forbidden", f"The role {user.role} may not do this ({action}).")
    return user


def bearer():
    """What came along in the header Authorization, "" without it."""
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" else ""
