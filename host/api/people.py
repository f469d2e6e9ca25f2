"""The user API of fleet, accounts and tokens (SPEC section 11)."""

import hashlib
import ssl
import time
from base64 import b64encode
from contextlib import suppress

from flask import Blueprint, request

from host.access import person, token
from host.api import answers, body
from host.extensions import host, session
from host.services import accounts

blueprint = Blueprint("people_api", __name__, url_prefix="/api/v1")


@blueprint.get("/fleet")
def fleet():
    """What a board or a command line needs to find and to trust this host. Public."""
    settings = host().settings
    ca = settings.ca_pem()
    return {
        "name": settings.fleet,
        "version": settings.version,
        "ca": ca,
        "ca_sha256": _fingerprint(ca),
        "addresses": settings.addresses,
        "port": settings.port,
        "mqtt_port": settings.mqtt_port,
        "console": settings.console_url,
        "root": _root(),
        "time": int(time.time()),
    }


@blueprint.post("/tokens")
def sign_in():
    """A token for an address and a password. Public, rate-limited."""
    fields = body.fields()
    email, password = body.text(fields, "email", 254), body.text(fields, "password", 1024)
    name = body.text(fields, "name", 64, default="command line")
    settings = host().settings
    user = accounts.sign_in(session(), settings, email, password, request.remote_addr)
    text, kept = accounts.issue(session(), user, name, settings.token_s)
    expires_at = answers.time(kept.expires_at)
    return {"token": text, "expires_at": expires_at, "user": answers.user(user)}, 201


@blueprint.get("/tokens")
def tokens():
    """The tokens of whoever asks: of command lines, and of browsers."""
    found = accounts.tokens(session(), person())
    return [answers.token(one, token()) for one in found]


@blueprint.delete("/tokens/current")
def sign_out():
    """The token that came along is of no use any more."""
    accounts.revoke(session(), token())
    return {}


@blueprint.delete("/tokens/<int:token_id>")
def revoke_token(token_id):
    """Another token of the same person neither."""
    accounts.revoke_one(session(), person(), token_id)
    return {}


@blueprint.get("/me")
def me():
    """Whose token this is."""
    return answers.user(person())


@blueprint.post("/users")
def create_user():
    """A new account; its password is told once."""
    admin = person()
    fields = body.fields()
    email, role = body.text(fields, "email", 254), body.text(fields, "role", 16, "operator")
    user, password = accounts.create(session(), email, role, admin.email)
    return {**answers.user(user), "password": password}, 201


@blueprint.get("/users")
def users():
    """All accounts."""
    return [answers.user(one) for one in accounts.everyone(session())]


def _root():
    """The newest root: what a board or a command line is to trust, in base64."""
    repository = host().trust.repository
    return b64encode(repository.root()).decode() if repository.exists else ""


def _fingerprint(pem):
    with suppress(ValueError):  # no CA yet
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    return ""
