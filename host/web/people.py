"""The pages of admins: people, invitations, groups."""

from flask import flash, redirect, request, url_for

from host.access import person
from host.errors import HostError
from host.extensions import host, session
from host.services import accounts, groups, links, permissions
from host.web import pages

blueprint = pages.page_blueprint("people")

_PERSON = "/people/<number:user_id>"
_GROUP = "/groups/<number:group_id>"


@blueprint.get("/people")
def listed():
    """Everybody, who is invited, and the groups."""
    return _page()


@blueprint.post("/people/invite")
def invite():
    """Make an invitation, and show its link, this once."""
    email, role = request.form.get("email", ""), request.form.get("role", "")
    try:
        text, link = links.invite(session(), host().settings, person(), email, role)
    except HostError as error:
        return _page(error=error, email=email), error.status
    return _link(link, url_for("joining.form", text=text))


@blueprint.post("/people/invitations/<number:link_id>/take-back")
def take_back(link_id):
    """An invitation is of no use any more."""
    links.take_back(session(), link_id, person().email)
    flash("The invitation is of no use any more.")
    return redirect(url_for("people.listed"))


@blueprint.get(_PERSON)
def show(user_id):
    """One person."""
    user = accounts.get(session(), user_id)
    known = {"groups": groups.of(session(), user), "events": accounts.history(session(), user)}
    return pages.render("person.html", one=user, roles=permissions.ROLES, **known)


@blueprint.post(f"{_PERSON}/<any(role, reset, deactivate, activate):verb>")
def change(user_id, verb):
    """Do one of the verbs below and show the person again, or what came of it."""
    user = accounts.get(session(), user_id)
    said = _VERBS[verb](user, person())
    if verb == "reset":
        return said
    flash(said)
    return redirect(url_for("people.show", user_id=user.id))


@blueprint.post("/groups")
def add_group():
    """A new group."""
    group = groups.create(session(), request.form.get("name", "").strip(), person().email)
    return redirect(url_for("people.show_group", group_id=group.id))


@blueprint.get(_GROUP)
def show_group(group_id):
    """One group, and who is in it."""
    group = groups.get(session(), group_id)
    count = groups.device_counts(session()).get(group.id, 0)
    return pages.render("group.html", group=group, device_count=count)


@blueprint.post(f"{_GROUP}/members")
def add_member(group_id):
    """One more member."""
    group = groups.get(session(), group_id)
    groups.add(session(), group, request.form.get("email", ""), person().email)
    return redirect(url_for("people.show_group", group_id=group.id))


@blueprint.post(f"{_GROUP}/members/<number:user_id>/drop")
def drop_member(group_id, user_id):
    """A member less."""
    group = groups.get(session(), group_id)
    groups.drop(session(), group, user_id, person().email)
    return redirect(url_for("people.show_group", group_id=group.id))


@blueprint.post(f"{_GROUP}/remove")
def remove_group(group_id):
    """Remove a group that has no devices."""
    group = groups.get(session(), group_id)
    groups.remove(session(), group, person().email)
    flash(f"There is no group {group.name} any more.")
    return redirect(url_for("people.listed"))


def _role(user, admin):
    accounts.set_role(session(), user, request.form.get("role", ""), admin.email)
    return f"{user.email} is {user.role} now."


def _reset(user, admin):
    text, link = links.reset(session(), host().settings, admin, user)
    return _link(link, url_for("joining.reset_form", text=text))


def _deactivate(user, admin):
    accounts.deactivate(session(), user, admin.email)
    return f"{user.email} is signed out everywhere, and signs in no more."


def _activate(user, admin):
    accounts.activate(session(), user, admin.email)
    return f"{user.email} may sign in again."


_VERBS = {"role": _role, "reset": _reset, "deactivate": _deactivate, "activate": _activate}


def _link(link, path):
    return pages.render("link.html", link=link, url=f"{host().settings.public_url}{path}")


def _page(**values):
    counts = groups.device_counts(session())
    return pages.render(
        "people.html", people=accounts.everyone(session()), roles=permissions.ROLES,
        invitations=links.invitations(session()), groups=groups.listed(session(), person()),
        counts=counts, **values,
    )  # fmt: skip
