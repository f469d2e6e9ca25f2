"""Signing in and out of the console."""

from flask import redirect, request, url_for
from flask import session as cookie

from host.errors import HostError
from host.extensions import host, keep_changes, session
from host.services import accounts
from host.web import pages

blueprint = pages.page_blueprint("sign_in")


@blueprint.get("/sign-in")
def form():
    """Ask for address and password."""
    return pages.render("sign_in.html", next=pages.local_path(request.args.get("next")))


@blueprint.post("/sign-in")
def enter():
    """Check them; a wrong one is asked again, with the address kept."""
    email, target = request.form.get("email", ""), pages.local_path(request.form.get("next"))
    settings = host().settings
    try:
        password, address = request.form.get("password", ""), request.remote_addr
        user = accounts.sign_in(session(), settings, email, password, address)
    except HostError as error:
        keep_changes()
        return pages.render("sign_in.html", error=error, email=email, next=target), error.status
    cookie.clear()  # nothing of before goes on, the form's secret neither
    cookie["token"], _ = accounts.issue(session(), user, "browser", settings.session_s)
    return redirect(target)


@blueprint.post("/sign-out")
def leave():
    """The session's token is of no use any more, also to who copied the cookie."""
    accounts.revoke(session(), cookie.get("token", ""))
    cookie.clear()
    return redirect(url_for("sign_in.form"))
