"""The pages on which a person approves a release, or signs that it was withdrawn."""

from flask import flash, redirect, request, url_for

from host.access import person
from host.errors import HostError
from host.extensions import host, keep_changes, session
from host.services import composing, proposals, releases, signers, trust, withdrawal
from host.web import pages, verifications

blueprint = pages.page_blueprint("approvals")

_PASSPHRASE_CHARS_MAX = 1024
_RELEASE = "/releases/<product>/<number:number>"


@blueprint.get(f"{_RELEASE}/<any(approve, withdraw):kind>")
def show(product, number, kind):
    """What is to be signed, before it is."""
    return _page(releases.find(session(), product, number), kind)


@blueprint.post(f"{_RELEASE}/<any(approve, withdraw):kind>")
def sign(product, number, kind):
    """Sign with the passphrase, which nothing keeps; a wrong one is asked again."""
    release = releases.find(session(), product, number)
    passphrase = request.form.get("passphrase", "")[:_PASSPHRASE_CHARS_MAX]
    base = request.form.get("base", "")
    try:
        proposal = _proposal(proposals.propose, release, kind)
        arguments = host().settings, host().trust, proposal, person(), passphrase
        proposals.sign_held(session(), *arguments, int(base) if base.isdecimal() else 0)
    except HostError as error:
        keep_changes()
        return _page(release, kind, error), error.status
    flash(_DONE[kind, proposal.state].format(number))
    return redirect(url_for("releases.show", product=product, number=number))


@blueprint.post(f"{_RELEASE}/take-back")
def take_back(product, number):
    """Withdraw a release: at once for assignments, once signed for boards."""
    release = releases.find(session(), product, number)
    reason = pages.note()
    if not reason:
        raise HostError("bad-request", "Say why: it stays on the record.")
    waiting = withdrawal.withdraw(session(), host().trust, release, person(), reason)
    flash(f"Release {number} is offered to nobody any more.")
    if waiting is None:
        return redirect(url_for("releases.show", product=product, number=number))
    return redirect(url_for("approvals.show", product=product, number=number, kind="withdraw"))


@blueprint.get("/keys")
def keys():
    """Who may sign what, until when, and what waits for signatures."""
    store = host().trust
    proposals.settle(session(), store)
    found = proposals.listed(session())
    return pages.render(
        "keys.html", roles=signers.roles(store), keys=signers.listed(session(), store),
        waiting=[(one, composing.standing(session(), store, one)) for one in found],
    )  # fmt: skip


_DONE = {
    ("approve", "signed"): "Release {} is approved: boards may take it.",
    ("approve", "open"): "You signed release {}. It waits for more signatures.",
    ("withdraw", "signed"): "Release {} is withdrawn: boards refuse it.",
    ("withdraw", "open"): "You signed the withdrawal of release {}. It waits for more.",
}


def _proposal(make, release, kind):
    arguments = session(), host().trust, person(), kind
    return make(*arguments, product=release.product, number=release.number)


def _page(release, kind, error=None):
    if error is None or error.code in ("wrong-passphrase", "rate-limited", "stale-proposal"):
        proposal = _proposal(proposals.draft, release, kind)
        trusted, change, made = composing.composed(session(), host().trust, proposal)
        lines = trust.difference(trusted, change, made)
        needs = composing.standing(session(), host().trust, proposal)
    else:
        proposal, lines, needs = None, [], {}
    return pages.render(
        "approve.html", release=release, kind=kind, proposal=proposal, lines=lines,
        needs=needs, error=error, **verifications.shown(release),
    )  # fmt: skip
