"""The pages of releases."""

from flask import flash, redirect, url_for

from host.extensions import session
from host.services import assignments, devices, releases
from host.web import pages

blueprint = pages.page_blueprint("releases")


@blueprint.get("/releases")
@pages.signed_in("release.see")
def listed(user):
    """All releases."""
    return pages.render("releases.html", user, releases=releases.listed(session()))


@blueprint.get("/releases/<product>/<int(max=2147483647):number>")
@pages.signed_in("release.see")
def show(user, product, number):
    """One release, its files, and the devices it is for."""
    release = releases.find(session(), product, number)
    found = devices.chosen(session(), user, "all", release)
    newest = assignments.newest(session(), [device.id for device in found])
    return pages.render("release.html", user, release=release, devices=found, newest=newest)


@blueprint.post("/releases/<product>/<int(max=2147483647):number>/assign")
@pages.signed_in("release.assign")
def assign(user, product, number):
    """Offer it to every device of this person that it is for and that does not run it."""
    release = releases.find(session(), product, number)
    found = devices.chosen(session(), user, "all", release)
    lacking = [device for device in found if device.number != release.number]
    made = assignments.assign(session(), lacking, release, user.email)
    flash(f"Release {number} is offered to {len(made)} device{'' if len(made) == 1 else 's'}.")
    return redirect(url_for("releases.show", product=product, number=number))
