"""What keeps other sites out of the console: headers, and a secret in every form."""

import hmac
import secrets

from flask import request, session

from host.errors import HostError

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # a claim code stands in an address
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


def secure(response):
    """Put the headers on an answer; pages with somebody's data are not kept anywhere."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def form_secret():
    """The secret that this browser's forms carry; another site does not know it."""
    return session.setdefault("form", secrets.token_urlsafe(24))


def check_form():
    """Refuse a change whose form is not ours. Raises: HostError `csrf`."""
    if request.method not in _UNSAFE:
        return
    given, kept = request.form.get("form_secret", ""), session.get("form", "")
    if not kept or not hmac.compare_digest(given.encode(), kept.encode()):
        raise HostError("csrf", "This form is too old. Go back, reload the page, try again.")
