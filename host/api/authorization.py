"""Which board is asking, by id and secret. People are asked for by host.access."""

from datetime import UTC, datetime

from host.access import bearer
from host.errors import HostError
from host.extensions import host, session
from host.services import devices


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
    found = board()  # notes that it was seen, which the session would keep it from
    return devices.known(session(), found.id)
