"""The pages of releases."""

from flask import flash, redirect, url_for

from host.access import person
from host.extensions import host, session
from host.services import (
    assignments,
    composing,
    devices,
    failures,
    proposals,
    releases,
    trust,
)
from host.web import pages, verifications

blueprint = pages.page_blueprint("releases")


@blueprint.get("/releases")
def listed():
    """All releases."""
    found = releases.listed(session())
    return pages.render("releases.html", releases=found, is_approved=_is_approved)


@blueprint.get("/releases/<product>/<number:number>")
def show(product, number):
    """One release, its files, and the devices it is for."""
    release = releases.find(session(), product, number)
    found = devices.chosen(session(), person(), "all", release)
    newest = assignments.newest(session(), [device.id for device in found])
    return pages.render(
        "release.html", release=release, devices=found, newest=newest,
        is_approved=_is_approved(release), waiting=_waiting(release),
        faults=failures.of_release(session(), person(), release),
        **verifications.shown(release),
    )  # fmt: skip


@blueprint.post("/releases/<product>/<number:number>/assign")
def assign(product, number):
    """Offer it to every device of this person that it is for and that does not run it."""
    release = releases.find(session(), product, number)
    found = devices.chosen(session(), person(), "all", release)
    lacking = [device for device in found if device.number != release.number]
    made = assignments.assign(session(), lacking, release, person().email)
    flash(f"Release {number} is offered to {len(made)} device{'' if len(made) == 1 else 's'}.")
    return redirect(url_for("releases.show", product=product, number=number))


def _is_approved(release):
    return trust.is_approved(host().trust, release)


def _waiting(release):
    """The proposal about a release that waits for signatures, and who signed: or None."""
    for kind in ("withdraw", "approve"):
        proposal = proposals.of_release(session(), release, kind)
        if proposal is not None:
            return proposal, composing.standing(session(), host().trust, proposal)
    return None
