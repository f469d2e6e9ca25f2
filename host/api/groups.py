"""The user API of groups of people (SPEC section 11)."""

from flask import Blueprint

from host.access import person
from host.api import answers, body
from host.extensions import session
from host.services import groups

blueprint = Blueprint("groups_api", __name__, url_prefix="/api/v1")

_GROUP = "/groups/<number:group_id>"


@blueprint.get("/groups")
def listed():
    """The groups that this person sees: their own, all who manage them."""
    counts = groups.device_counts(session())
    found = groups.listed(session(), person())
    return [answers.group(one, counts.get(one.id, 0)) for one in found]


@blueprint.post("/groups")
def create():
    """A new group."""
    name = body.text(body.fields(), "name", 64)
    return answers.group(groups.create(session(), name, person().email), 0), 201


@blueprint.delete(_GROUP)
def remove(group_id):
    """Remove a group that has no devices."""
    groups.remove(session(), groups.get(session(), group_id), person().email)
    return {}


@blueprint.post(f"{_GROUP}/members")
def add(group_id):
    """One more member."""
    email = body.text(body.fields(), "user", 254)
    group = groups.get(session(), group_id)
    groups.add(session(), group, email, person().email)
    return _one(group)


@blueprint.delete(f"{_GROUP}/members/<number:user_id>")
def drop(group_id, user_id):
    """A member less."""
    group = groups.get(session(), group_id)
    groups.drop(session(), group, user_id, person().email)
    return _one(group)


def _one(group):
    return answers.group(group, groups.device_counts(session()).get(group.id, 0))
