"""The pages on which a person chooses a password: by invitation, by a link to reset it, openly."""

from flask import redirect, request, url_for

from host.errors import HostError
from host.extensions import host, session
from host.services import links
from host.web import pages, sign_in

blueprint = pages.page_blueprint("joining")

_ASKED_AGAIN = ("weak-password", "email-taken", "bad-request")  # others end at their page


@blueprint.get("/join/<text>")
def form(text):
    """What an invitation leads to."""
    return _ask("join", links.find(session(), links.INVITATION, text).email)


@blueprint.post("/join/<text>")
def take(text):
    """Make the account, and sign in."""
    link = links.find(session(), links.INVITATION, text)
    return _enter("join", link.email, links.sign_up, text)


@blueprint.get("/join")
def open_form():
    """Where everybody may sign up, if the settings let them."""
    links.must_be_open(host().settings)
    return _ask("open")


@blueprint.post("/join")
def open_take():
    """Make the account, and sign in."""
    email = request.form.get("email", "")
    return _enter("open", email, links.sign_up_uninvited, email)


@blueprint.get("/reset/<text>")
def reset_form(text):
    """What a link to reset a password leads to."""
    return _ask("reset", links.find(session(), links.RESET, text).email)


@blueprint.post("/reset/<text>")
def reset(text):
    """Take the other password, and sign in; every other sign-in ends."""
    link = links.find(session(), links.RESET, text)
    return _enter("reset", link.email, links.choose_password, text)


def chosen_password():
    """The password of a form that asks for it twice. Raises: HostError `bad-request`."""
    password = request.form.get("password", "")
    if password != request.form.get("again"):
        raise HostError("bad-request", "The two passwords differ. Type them again.")
    return password


def _enter(kind, email, choose, by):
    try:
        user = choose(session(), host().settings, by, chosen_password(), request.remote_addr)
    except HostError as error:
        if error.code not in _ASKED_AGAIN:
            raise
        return _ask(kind, email, error), error.status
    sign_in.start(user)
    return redirect(url_for("devices.listed"))


def _ask(kind, email="", error=None):
    return pages.render("password.html", kind=kind, email=email, error=error)
