"""The user API of people and invitations, for admins (SPEC section 11)."""

from flask import Blueprint

from host.access import person
from host.api import answers, body
from host.errors import HostError
from host.extensions import host, session
from host.services import accounts, links

blueprint = Blueprint("users_api", __name__, url_prefix="/api/v1")


@blueprint.post("/users")
def create():
    """A new account; its password is told once."""
    fields = body.fields()
    email, role = body.text(fields, "email", 254), body.text(fields, "role", 16, "operator")
    user, password = accounts.create(session(), email, role, person().email)
    return {**answers.account(user), "password": password}, 201


@blueprint.get("/users")
def listed():
    """All accounts."""
    return [answers.account(one) for one in accounts.everyone(session())]


@blueprint.patch("/users/<number:user_id>")
def change(user_id):
    """Another role, or whether the person may sign in."""
    fields, who = body.fields(), person().email
    user = accounts.get(session(), user_id)
    if not fields.keys() & {"role", "active"} or type(fields.get("active", True)) is not bool:
        raise HostError("bad-request", 'Give "role", or "active": true or false.')
    if "role" in fields:
        accounts.set_role(session(), user, body.text(fields, "role", 16), who)
    if "active" in fields:
        move = accounts.activate if fields["active"] else accounts.deactivate
        move(session(), user, who)
    return answers.account(user)


@blueprint.post("/users/<number:user_id>/reset")
def reset(user_id):
    """A link by which the person chooses another password."""
    user = accounts.get(session(), user_id)
    text, link = links.reset(session(), host().settings, person(), user)
    return answers.link(link, f"{host().settings.public_url}/reset/{text}"), 201


@blueprint.post("/invitations")
def invite():
    """A link by which a person signs up."""
    fields = body.fields()
    email, role = body.text(fields, "email", 254), body.text(fields, "role", 16, "operator")
    given = email, role, fields.get("days")
    text, link = links.invite(session(), host().settings, person(), *given)
    return answers.link(link, f"{host().settings.public_url}/join/{text}"), 201


@blueprint.get("/invitations")
def invitations():
    """Those that nobody used yet."""
    return [answers.link(one) for one in links.invitations(session())]


@blueprint.delete("/invitations/<number:link_id>")
def take_back(link_id):
    """One is of no use any more."""
    links.take_back(session(), link_id, person().email)
    return {}
