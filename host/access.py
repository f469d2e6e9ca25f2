"""Asks who is there and whether they may, before any view: walks services.permissions.ROUTES."""

from contextlib import suppress

from flask import g, redirect, request, url_for
from flask import session as cookie
from sqlalchemy.exc import OperationalError

from host.errors import HostError
from host.extensions import host, is_locked, looking_session
from host.services import devices, permissions, tokens

_PREFIX = "/api/"


def is_api():
    """Whether a program asks, by a token: not a browser, by its cookie."""
    return request.path.startswith(_PREFIX) or request.path == "/metrics"


def guard():
    """Let the view be called, send a browser to the sign-in, or refuse.

    A view whose address names a device of the person's is called with that device. A route that
    is not in the table is refused: somebody forgot to think about it.

    Raises: HostError `bad-credentials`, `forbidden`, `not-found`: no device of this person's.
    """
    if request.endpoint is None:
        return None  # there is no such page, which Flask says next
    action, whose = permissions.ROUTES[request.endpoint]
    if whose in (permissions.PUBLIC, permissions.BOARD):
        return None
    who = person()
    if who is None:
        return _ask()
    if action:
        permissions.require(who, action)
    if whose == permissions.DEVICE and "device_id" in request.view_args:
        device_id = request.view_args.pop("device_id")
        request.view_args["device"] = devices.find(looking_session(), who, device_id)
    return None


def person():
    """Who asks, or None."""
    if "person" not in g:
        kept = tokens.find(looking_session(), token())
        g.person = _acting(kept) if kept else None
    return g.person


def token():
    """What the request proves who asks with, "" without it."""
    return bearer() if is_api() else cookie.get("token", "")


def bearer():
    """What came along in the header Authorization, "" without it."""
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" else ""


def _acting(kept):
    """A token's person, limited to what it is for; its use is noted."""
    kept.user.scopes = kept.scopes
    if not is_locked() and tokens.is_use_due(kept, request.remote_addr):
        # Apart and at once: this request may go on for long, and would keep other writers out.
        # Where the database is too busy for it, the next use is noted.
        with suppress(OperationalError), host().database.begin() as other:
            tokens.note_use(other, kept.id, request.remote_addr, request.user_agent.string)
    return kept.user


def _ask():
    if is_api():
        raise HostError("bad-credentials", "This needs a valid token: mpfleet login.")
    here = request.full_path.rstrip("?") if request.method == "GET" else "/"
    return redirect(url_for("sign_in.form", next=here))
