"""What all pages share: who is signed in, how a template is filled, what a refusal looks like."""

import functools
from urllib.parse import urlsplit

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask import session as cookie

from host.errors import HostError
from host.extensions import host, session
from host.services import accounts, permissions, trust
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


def person():
    """Who is signed in in this browser, or None."""
    return accounts.by_token(session(), cookie.get("token", ""))


def signed_in(action):
    """Hand the signed-in person to a view, if the role allows the action; else ask to sign in."""

    def decorate(view):
        @functools.wraps(view)
        def guarded(**arguments):
            user = person()
            if user is None:
                return redirect(url_for("sign_in.form", next=_here()))
            if not permissions.allows(user.role, action):
                raise HostError("forbidden", f"The role {user.role} may not do this ({action}).")
            return view(user, **arguments)

        return guarded

    return decorate


def render(template, user=None, **values):
    """A page."""
    return render_template(
        template,
        user=user,
        may=functools.partial(permissions.allows, user.role if user else ""),
        fleet=host().settings.fleet,
        form_secret=protection.form_secret,
        # asked for by whole pages only: fragments are fetched every few seconds
        alarms=functools.partial(trust.alarms, session(), host().trust) if user else list,
        **values,
    )


def refusal(error):
    """A page that says what was refused, with the same status as the API would answer."""
    content = render("error.html", person() if error.status < _SERVER_ERROR else None, error=error)
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    return make_response(content, error.status, headers)


def local_path(target):
    """Where to go after signing in: a path of this host, whatever the address bar said."""
    # Read as browsers do: they drop control characters, take \ for /, and any number of slashes
    # at the start for the two before a host.
    target = target or ""
    path = urlsplit(target).path
    is_ours = target.startswith("/") and target.isprintable() and "\\" not in target
    return target if is_ours and not target.startswith("//") and "//" not in path else "/"


def _here():
    return request.full_path.rstrip("?") if request.method == "GET" else "/"
