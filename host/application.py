"""The Flask application: its parts, its limits, and what becomes of an error."""

from email.utils import formatdate

from flask import Flask, current_app, request
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy.exc import IntegrityError
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter

from host import access, extensions
from host.api import (
    answers,
    blobs,
    device,
    devices,
    events,
    groups,
    ownership,
    people,
    releases,
    rollouts,
    trust,
    users,
    verifications,
)
from host.crowd import Crowd
from host.errors import HostError
from host.services.manifest import NUMBER_MAX
from host.web import account, approvals, claim, joining, pages, protection, setup, sign_in
from host.web import devices as device_pages
from host.web import events as event_pages
from host.web import ownership as ownership_pages
from host.web import people as people_pages
from host.web import releases as release_pages
from host.web import rollouts as rollout_pages
from host.web import verifications as verification_pages

_BODY_BYTES_MAX = 64 * 1024  # of a request that does not say otherwise, checked before reading
_PARTS = (
    *(device, people, users, groups, devices, ownership, releases, blobs, trust),
    *(verifications, rollouts, events),  # for programs, up to here
    *(pages, sign_in, joining, account, setup, device_pages, claim, ownership_pages),
    *(release_pages, approvals, verification_pages, rollout_pages, event_pages, people_pages),
)
# Werkzeug's refusals in our words; the others are bad-request, from 500 on internal.
_HTTP_WORDS = {404: "not-found", 405: "bad-method", 413: "too-large", 416: "bad-range"}
_SERVER_ERROR = 500


def create(settings):
    """An application for these settings, with its own database handle and storage."""
    app = Flask("host", static_folder=None)
    app.config.update(
        SECRET_KEY=settings.secret_key(),
        MAX_CONTENT_LENGTH=_BODY_BYTES_MAX,
        MAX_FORM_MEMORY_SIZE=_BODY_BYTES_MAX,
        SESSION_COOKIE_NAME="__Host-mpfleet",  # the prefix binds it to this host over TLS
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
    )
    app.session_interface = _PageSessions()
    app.json.sort_keys = False
    app.url_map.strict_slashes = False  # a board follows no redirect, so there are none
    app.url_map.merge_slashes = False
    app.url_map.converters["number"] = _Number
    extensions.install(app, settings)
    for part in _PARTS:
        app.register_blueprint(part.blueprint)
    for kind, handle in ((HostError, _refuse), (HTTPException, _http), (Exception, _crash)):
        app.register_error_handler(kind, handle)
    app.before_request(access.guard)
    app.after_request(_finish)
    app.wsgi_app = Crowd(app.wsgi_app)
    if settings.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxies, x_proto=0, x_host=0)
    return app


def _refuse(error):
    if error.keeps_changes:
        extensions.keep_changes()
    render = answers.refusal if access.is_api() else pages.refusal
    return render(error)


def _http(error):
    status = error.code or _SERVER_ERROR
    fallback = "internal" if status >= _SERVER_ERROR else "bad-request"
    response = _refuse(HostError(_HTTP_WORDS.get(status, fallback), error.description or ""))
    for name, value in error.get_headers():
        response.headers.setdefault(name, value)  # Allow, Content-Range
    return response


def _crash(error):
    if isinstance(error, IntegrityError) or "database is locked" in str(error):
        message = "Somebody else changed the same just now. Try again."
        return _refuse(HostError("busy", message, retry_after_s=1))
    current_app.logger.error("%s %r", request.method, request.path, exc_info=error)
    return _refuse(HostError("internal", "The host made a mistake; its log says more."))


def _finish(response):
    # A board without a clock takes the time from here (SPEC section 7).
    response.headers.setdefault("Date", formatdate(usegmt=True))
    return response if access.is_api() else protection.secure(response)


class _Number(IntegerConverter):
    """A number in an address, no larger than a column takes: others name nothing there is."""

    def __init__(self, url_map):
        super().__init__(url_map, max=NUMBER_MAX)


class _PageSessions(SecureCookieSessionInterface):
    """Cookies are for pages; making one ready costs an API request a fifth of its time."""

    def open_session(self, app, request):
        """The cookie's content, or nothing for the API."""
        return None if request.path.startswith("/api/") else super().open_session(app, request)
