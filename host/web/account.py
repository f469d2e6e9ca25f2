"""One's own page: where one is signed in, tokens for programs, the password."""

from flask import flash, redirect, request, url_for

from host.access import person, token
from host.errors import HostError
from host.extensions import host, keep_changes, session
from host.services import accounts, groups, permissions, tokens
from host.web import joining, pages

blueprint = pages.page_blueprint("account")

_NAME_CHARS_MAX = 64
_DAYS = {"7": 7, "30": 30, "90": 90, "365": 365}


@blueprint.get("/account")
def show():
    """All of it."""
    return _page()


@blueprint.post("/account/tokens/<number:token_id>/end")
def end(token_id):
    """End one sign-in, or token: the way out of a lost phone."""
    tokens.revoke_one(session(), person(), token_id)
    flash("It ended.")
    return redirect(url_for("account.show"))


@blueprint.post("/account/tokens/end-others")
def end_others():
    """End all but this browser's."""
    count = tokens.revoke_all(session(), person(), but=token())
    flash("You are signed in nowhere else now." if count else "You were signed in nowhere else.")
    return redirect(url_for("account.show"))


@blueprint.post("/account/tokens")
def add_token():
    """Make a token for a program, and show it, this once."""
    name = request.form.get("name", "").strip()[:_NAME_CHARS_MAX] or "program"
    scopes, days = request.form.getlist("scope"), _DAYS.get(request.form.get("days"))
    try:
        text, kept = tokens.issue_for_program(session(), person(), name, scopes, days)
    except HostError as error:
        return _page(token_error=error), error.status
    return pages.render("new_token.html", token=kept, text=text)


@blueprint.post("/account/password")
def change_password():
    """Another password, for who knows the one of now; every other sign-in ends."""
    old, address = request.form.get("old", ""), request.remote_addr
    try:
        new = joining.chosen_password()
        user = accounts.sign_in(session(), host().settings, person().email, old, address)
        accounts.change_password(session(), user, new, user.email, keep=token())
    except HostError as error:
        keep_changes()
        return _page(password_error=error), error.status
    flash("You have another password, and are signed in nowhere else.")
    return redirect(url_for("account.show"))


def _page(**errors):
    user = person()
    return pages.render(
        "account.html", tokens=tokens.of(session(), user), current=tokens.find(session(), token()),
        groups=groups.of(session(), user), actions=permissions.actions_for_tokens(user),
        days=_DAYS, **errors,
    )  # fmt: skip
