"""Signing in and out of the console."""

from flask import redirect, request, url_for
from flask import session as cookie

from host.access import token
from host.errors import HostError
from host.extensions import host, keep_changes, session
from host.services import accounts, tokens
from host.web import pages

blueprint = pages.page_blueprint("sign_in")


@blueprint.get("/sign-in")
def form():
    """Ask for address and password."""
    return _page(pages.local_path(request.args.get("next")))


@blueprint.post("/sign-in")
def enter():
    """Check them; a wrong one is asked again, with the address kept."""
    email, target = request.form.get("email", ""), pages.local_path(request.form.get("next"))
    try:
        given = email, request.form.get("password", ""), request.remote_addr
        user = accounts.sign_in(session(), host().settings, *given)
    except HostError as error:
        keep_changes()
        return _page(target, error=error, email=email), error.status
    start(user)
    return redirect(target)


@blueprint.post("/sign-out")
def leave():
    """The session's token is of no use any more, also to who copied the cookie."""
    tokens.revoke(session(), token())
    cookie.clear()
    return redirect(url_for("sign_in.form"))


def start(user):
    """Sign a person in, in this browser."""
    tokens.revoke(session(), token())  # of whoever was signed in here
    cookie.clear()  # nothing of before goes on, the form's secret neither
    seconds = host().settings.session_s
    cookie["token"], kept = tokens.issue(session(), user, "browser", seconds, tokens.BROWSER)
    tokens.note_use(session(), kept.id, request.remote_addr, request.user_agent.string)


def _page(target, **values):
    is_open = bool(host().settings.sign_up)
    return pages.render("sign_in.html", next=target, is_open=is_open, **values)
