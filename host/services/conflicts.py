"""Two boards say that they are the same device: a person decides, and until then the first is."""

from host.errors import HostError
from host.services import events, limits, outbox, owners, secret, strangers


def note(session, settings, device, board_secret, person, address, now):
    """Keep another secret until a person decides.

    The first one stays, so that a person accepts the one that was seen; only one that came with
    a token of the owner, by USB that is, has precedence over one that did not.
    """
    digest = secret.digest(board_secret)
    if device.conflict_digest == digest:
        return
    is_owners = owners.is_theirs(session, person, device)
    if not is_owners:
        strangers.admit(session, settings, address, now)
    if device.conflict_digest is None or (is_owners and not device.conflict_has_token):
        device.conflict_digest, device.conflict_at = digest, now
        device.conflict_from, device.conflict_has_token = limits.network(address), is_owners
        subject = f"device {device.id}"
        events.add(session, subject, subject, "conflict", f"from {device.conflict_from}", now=now)


def resolve(session, device, is_accepted, who, *, now=None):
    """Take the secret that waits (the board lost its flash), or keep the old (a stranger).

    Raises: HostError `no-conflict`.
    """
    if device.shown_state != "conflict":
        raise HostError("no-conflict", f"Nobody else registered as {device.id}.")
    if is_accepted:
        _take(session, device, device.conflict_digest, now)
    settle(device)
    what = "new-secret-accepted" if is_accepted else "new-secret-refused"
    events.add(session, who, f"device {device.id}", what, now=now)


def renew(session, device, digest, who, *, now=None):
    """Take another secret that the owner announced by deploying the board; the old one is void."""
    _take(session, device, digest, now)
    settle(device)
    events.add(session, who, f"device {device.id}", "secret-renewed", "deployed again", now=now)


def _take(session, device, digest, now):
    device.secret_digest, device.online = digest, False
    outbox.put(session, device.id, outbox.DISCONNECT, now=now)


def settle(device):
    """Nothing waits any more."""
    device.conflict_digest, device.conflict_at, device.conflict_from = None, None, None
    device.conflict_has_token = False
