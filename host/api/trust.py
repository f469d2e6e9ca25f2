"""The user API of keys, proposals and the signed metadata (SPEC section 11)."""

from flask import Blueprint, Response

from host.access import person
from host.api import answers, body
from host.errors import HostError
from host.extensions import host, session
from host.services import composing, house, proposals, signers, trust

blueprint = Blueprint("trust_api", __name__)

_API = "/api/v1"
_SIGNATURES_MAX = 200  # a role and a key each
_SIGNATURE_CHARS_MAX = 2048
_THRESHOLD_MAX = 16


@blueprint.get(f"{_API}/metadata/<name>")
def metadata(name):
    """A file of the signed metadata, as boards get it."""
    content = host().trust.repository.read(name)
    if content is None:
        raise HostError("not-found", "There is no such metadata.")
    return Response(content, mimetype="application/json")


@blueprint.get(f"{_API}/keys")
def keys():
    """Roles, keys, and what expires soon."""
    store = host().trust
    shown = [{**one, "expires": answers.time(one["expires"])} for one in signers.roles(store)]
    return {
        "roles": shown,
        "keys": signers.listed(session(), store),
        "alarms": trust.alarms(session(), store),
    }


@blueprint.post(f"{_API}/keys/import")
def add_key():
    """Propose that a person's key signs a role."""
    admin, fields = person(), body.fields()
    role, email = body.text(fields, "role", 16), body.text(fields, "user", 254)
    arguments = role, fields.get("public"), email, _thresholds(fields)
    return _one(signers.add(session(), host().trust, admin, *arguments)), 201


@blueprint.post(f"{_API}/keys/revoke")
def revoke_key():
    """Propose that a key signs nothing any more."""
    admin, fields = person(), body.fields()
    arguments = body.text(fields, "keyid", 64), _thresholds(fields)
    return _one(signers.revoke(session(), host().trust, admin, *arguments)), 201


@blueprint.post(f"{_API}/keys/rotate")
def rotate_key():
    """Make another key in place of one that the host holds, and propose it."""
    admin, fields = person(), body.fields()
    role, passphrase = body.text(fields, "role", 16), body.text(fields, "passphrase", 1024)
    arguments = host().settings, host().trust, admin, role, passphrase
    return _one(signers.rotate(session(), *arguments)), 201


@blueprint.get(f"{_API}/proposals")
def listed():
    """What waits for signatures."""
    proposals.settle(session(), host().trust)
    return [_one(one) for one in proposals.listed(session())]


@blueprint.get(f"{_API}/proposals/<number:proposal_id>")
def show(proposal_id):
    """One proposal."""
    return _one(proposals.find(session(), proposal_id))


@blueprint.post(f"{_API}/proposals")
def propose():
    """Propose to approve a release, to renew what expires, or the fleet's new address."""
    user, fields = person(), body.fields()
    kind = body.text(fields, "kind", 16)
    if kind not in _PROPOSED:
        raise HostError("bad-request", f'"kind" must be one of {", ".join(_PROPOSED)}.')
    return _one(_PROPOSED[kind](user, kind, fields)), 201


@blueprint.post(f"{_API}/proposals/<number:proposal_id>/signatures")
def sign(proposal_id):
    """Take signatures, or the passphrase of the keys that the host holds."""
    user, fields = person(), body.fields(256 * 1024)
    proposal, store = proposals.find(session(), proposal_id), host().trust
    if "passphrase" in fields:
        passphrase, base = body.text(fields, "passphrase", 1024), body.number(fields, "base")
        arguments = host().settings, store, proposal, user, passphrase, base
        proposals.sign_held(session(), *arguments)
    else:
        given, base = _signatures(fields), body.number(fields, "base")
        proposals.sign(session(), store, proposal, user, given, base)
    return _one(proposal)


@blueprint.delete(f"{_API}/proposals/<number:proposal_id>")
def drop(proposal_id):
    """Nobody signs it any more."""
    user, proposal = person(), proposals.find(session(), proposal_id)
    proposals.drop(session(), proposal, user)
    return _one(proposal)


@blueprint.get("/metrics")
def metrics():
    """Figures for a monitoring system, in the text form that Prometheus reads."""
    lines = [
        "# HELP mpfleet_metadata_expires_timestamp_seconds When a role's metadata expires.",
        "# TYPE mpfleet_metadata_expires_timestamp_seconds gauge",
    ]
    roles = signers.roles(host().trust)
    for one in roles:
        name = f'mpfleet_metadata_expires_timestamp_seconds{{role="{one["role"]}"}}'
        lines.append(f"{name} {int(one['expires'].timestamp())}")
    lines += ["# HELP mpfleet_metadata_alarms What somebody should do something about.",
              "# TYPE mpfleet_metadata_alarms gauge",
              f"mpfleet_metadata_alarms {len(trust.alarms(session(), host().trust))}"]  # fmt: skip
    return Response("\n".join(lines) + "\n", mimetype="text/plain; version=0.0.4")


def _release(user, kind, fields):
    product, number = body.text(fields, "product", 32), body.number(fields, "number")
    store = host().trust
    return proposals.propose(session(), store, user, kind, product=product, number=number)


def _renew(user, kind, _fields):
    return proposals.propose(session(), host().trust, user, kind)


def _fleet(user, kind, fields):
    content = body.text(fields, "fleet", 8192)
    house.check(content)
    return proposals.propose(session(), host().trust, user, kind, fleet=content)


_PROPOSED = {"approve": _release, "withdraw": _release, "renew": _renew, "fleet": _fleet}


def _one(proposal):
    is_open = proposal.state == "open"
    standing = composing.standing(session(), host().trust, proposal) if is_open else {}
    return answers.proposal(proposal, standing)


def _signatures(fields):
    given = fields.get("signatures")
    is_good = isinstance(given, list) and 0 < len(given) <= _SIGNATURES_MAX
    if not is_good or not all(map(_is_signature, given)):
        message = '"signatures" must be a list of objects with role, keyid and sig.'
        raise HostError("bad-request", message)
    return [(one["role"], one["keyid"], one["sig"]) for one in given]


def _is_signature(one):
    names = ("role", "keyid", "sig")
    return isinstance(one, dict) and all(
        isinstance(one.get(name), str) and len(one[name]) <= _SIGNATURE_CHARS_MAX for name in names
    )


def _thresholds(fields):
    given = fields.get("thresholds", {})
    is_good = isinstance(given, dict) and all(
        role in ("root", "targets") and type(n) is int and 1 <= n <= _THRESHOLD_MAX
        for role, n in given.items()
    )
    if not is_good:
        raise HostError("bad-request", '"thresholds" must say how many sign root or targets.')
    return given
