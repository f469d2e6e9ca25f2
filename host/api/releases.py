"""The user API of releases (SPEC section 11)."""

from flask import Blueprint, Response, request

from device import protocol
from host.access import person
from host.api import answers, body
from host.extensions import host, looking_session, session
from host.services import events, releases, trust, withdrawal

blueprint = Blueprint("releases_api", __name__, url_prefix="/api/v1")


@blueprint.get("/products/<product>/next-number")
def next_number(product):
    """The number that the next release should take."""
    return {"number": releases.next_number(session(), product)}


@blueprint.get("/releases")
def listed():
    """Releases, of one product or of all."""
    found = releases.listed(session(), request.args.get("product"))
    return [_shown(one) for one in found]


@blueprint.get("/releases/<product>/<number:number>")
def show(product, number):
    """One release."""
    return _shown(releases.find(session(), product, number))


@blueprint.get("/releases/<product>/<number:number>/manifest")
def manifest(product, number):
    """The manifest's bytes."""
    content = releases.find(session(), product, number).manifest
    return Response(content, mimetype="application/json")


@blueprint.post("/releases")
def add():
    """Announce a release by its manifest; the answer says which blobs the host lacks."""
    user = person()
    content = body.read(protocol.MANIFEST_BYTES_MAX, "manifest-too-large")
    release, is_new = releases.add(session(), host().settings, content, user)
    lacks = releases.missing(session(), release)
    return {"release": _shown(release), "missing": lacks}, 201 if is_new else 200


@blueprint.post("/releases/<product>/<number:number>/complete")
def complete(product, number):
    """All blobs are there."""
    user = person()
    release = releases.find(looking_session(), product, number)
    releases.complete(looking_session(), host().settings, host().storage, release, user.email)
    return _shown(release)


@blueprint.post("/releases/<product>/<number:number>/withdraw")
def withdraw(product, number):
    """Nobody is offered it any more; a signature that takes it from boards is queued."""
    user = person()
    reason = body.text(body.fields(), "reason", events.NOTE_CHARS_MAX)
    release = releases.find(session(), product, number)
    waiting = withdrawal.withdraw(session(), host().trust, release, user, reason)
    return {"release": _shown(release), "proposal": waiting and waiting.id}


def _shown(release):
    return answers.release(release, trust.is_approved(host().trust, release))
