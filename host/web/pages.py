"""What all pages share: how a template is filled, what a refusal looks like."""

import functools
from urllib.parse import urlsplit

from flask import Blueprint, make_response, render_template, request

from host.access import person
from host.extensions import host, session
from host.services import events, permissions, trust
from host.web import protection, words

blueprint = Blueprint(
    "web", __name__, template_folder="templates", static_folder="static", static_url_path="/static"
)
_SERVER_ERROR = 500  # from here on nobody is looked up: the database may be the trouble

for _name, _function in words.FILTERS.items():
    blueprint.add_app_template_filter(_function, _name)


def page_blueprint(name):
    """A blueprint for pages: every form in it is checked."""
    made = Blueprint(name, name)
    made.before_request(protection.check_form)
    return made


def render(template, **values):
    """A page, for whoever is signed in."""
    return _fill(template, person(), values)


def refusal(error):
    """A page that says what was refused, with the same status as the API would answer."""
    user = person() if error.status < _SERVER_ERROR else None
    content = _fill("error.html", user, {"error": error})
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    return make_response(content, error.status, headers)


def note():
    """What the person says to a change, "" for nothing."""
    return request.form.get("reason", "").strip()[: events.NOTE_CHARS_MAX]


def local_path(target):
    """Where to go after signing in: a path of this host, whatever the address bar said."""
    # Read as browsers do: they drop control characters, take \ for /, and any number of slashes
    # at the start for the two before a host.
    target = target or ""
    path = urlsplit(target).path
    is_ours = target.startswith("/") and target.isprintable() and "\\" not in target
    return target if is_ours and not target.startswith("//") and "//" not in path else "/"


def _fill(template, user, values):
    return render_template(
        template,
        user=user,
        may=functools.partial(permissions.allows, user),
        fleet=host().settings.fleet,
        form_secret=protection.form_secret,
        # asked for by whole pages only: fragments are fetched every few seconds
        alarms=functools.partial(trust.alarms, session(), host().trust) if user else list,
        **values,
    )
