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
from host.services import accounts, tokens

blueprint = Blueprint("people_api", __name__, url_prefix="/api/v1")

_DAYS = 90  # of a token that does not say


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
    text, kept = tokens.issue(session(), user, name, settings.token_s)
    expires_at = answers.time(kept.expires_at)
    return {"token": text, "expires_at": expires_at, "user": answers.user(user)}, 201


@blueprint.get("/tokens")
def listed():
    """The tokens of whoever asks: of browsers, command lines and programs."""
    return [answers.token(one, token()) for one in tokens.of(session(), person())]


@blueprint.post("/api-tokens")
def create_token():
    """A token for a program, limited to its scopes."""
    fields = body.fields()
    name, days = body.text(fields, "name", 64), fields.get("days", _DAYS)
    given = name, fields.get("scopes"), days
    text, kept = tokens.issue_for_program(session(), person(), *given)
    return {**answers.token(kept, ""), "token": text}, 201


@blueprint.delete("/tokens/current")
def sign_out():
    """The token that came along is of no use any more."""
    tokens.revoke(session(), token())
    return {}


@blueprint.delete("/tokens/<number:token_id>")
def revoke_token(token_id):
    """Another token of the same person neither."""
    tokens.revoke_one(session(), person(), token_id)
    return {}


@blueprint.delete("/tokens")
def revoke_others():
    """All others of the same person neither."""
    return {"ended": tokens.revoke_all(session(), person(), but=token())}


@blueprint.get("/me")
def me():
    """Whose token this is."""
    return answers.user(person())


@blueprint.post("/me/password")
def change_password():
    """Another password, for who knows the one of now; every other sign-in ends."""
    fields, address = body.fields(), request.remote_addr
    old, new = body.text(fields, "password", 1024), body.text(fields, "new", 1024)
    user = accounts.sign_in(session(), host().settings, person().email, old, address)
    accounts.change_password(session(), user, new, user.email, keep=token())
    return {}


def _root():
    """The newest root: what a board or a command line is to trust, in base64."""
    repository = host().trust.repository
    return b64encode(repository.root()).decode() if repository.exists else ""


def _fingerprint(pem):
    with suppress(ValueError):  # no CA yet
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    return ""
