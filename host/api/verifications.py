"""The user API of the gate (SPEC section 11): how far it is, what it found, waivers, rigs."""

from flask import Blueprint

from host.access import person
from host.api import answers, body
from host.errors import HostError
from host.extensions import host, session
from host.services import events, releases, verifications
from host.verification.finding import LEVELS, LOG_CHARS_MAX, Finding

_RELEASE = "/api/v1/releases/<product>/<number:number>"
_HANDED_BYTES_MAX = 1024 * 1024

blueprint = Blueprint("verifications_api", __name__)


@blueprint.get(f"{_RELEASE}/verification")
def show(product, number):
    """How far the gate is with a release, and what it found."""
    return _shown(releases.find(session(), product, number))


@blueprint.post(f"{_RELEASE}/verification")
def again(product, number):
    """Try it anew."""
    release = releases.find(session(), product, number)
    verifications.again(session(), host().settings, release, person())
    return _shown(release), 202


@blueprint.post(f"{_RELEASE}/findings/<number:finding_id>/waive")
def waive(product, number, finding_id):
    """An admin answers for a failed finding."""
    reason = body.text(body.fields(), "reason", events.NOTE_CHARS_MAX)
    release = releases.find(session(), product, number)
    verifications.waive(session(), release, finding_id, person(), reason)
    return _shown(release)


@blueprint.post(f"{_RELEASE}/findings")
def hand_in(product, number):
    """What boards of a rig made of it."""
    fields = body.fields(_HANDED_BYTES_MAX)
    release = releases.find(session(), product, number)
    source, given = body.text(fields, "source", 60), fields.get("findings")
    made = [_finding(one) for one in given] if isinstance(given, list) else []
    verifications.hand_in(session(), release, f"rig {source}", made, person())
    return _shown(release), 201


def _finding(value):
    if not isinstance(value, dict) or value.get("level") not in LEVELS:
        raise HostError("bad-request", f'A finding has a "level" of {", ".join(LEVELS)}.')
    texts = [body.text(value, name, most) for name, most in (("check", 32), ("title", 80))]
    sentence = body.text(value, "sentence", 1000)
    log = body.text(value, "log", LOG_CHARS_MAX, "")
    return Finding(texts[0], value["level"], texts[1], sentence, log)


def _shown(release):
    job, found = verifications.of(session(), release), verifications.findings(session(), release)
    return answers.verification(release, job, found)
