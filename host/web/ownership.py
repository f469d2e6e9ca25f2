"""The pages on which a device changes hands, or is given another secret."""

from flask import flash, redirect, url_for

from host.access import person
from host.extensions import host, session
from host.services import claiming, tokens, transfers
from host.web import pages

blueprint = pages.page_blueprint("ownership")


@blueprint.post("/offers/<device_id>/accept")
def accept(device_id):
    """Take a device that somebody offered."""
    device = transfers.accept(session(), person(), device_id)
    flash(f"{device.name or device.id} is yours.")
    return redirect(url_for("devices.show", device_id=device.id))


@blueprint.post("/offers/<device_id>/decline")
def decline(device_id):
    """Leave it where it is."""
    transfers.decline(session(), person(), device_id)
    flash("You did not take it; it stays where it is.")
    return redirect(url_for("devices.listed"))


@blueprint.post("/devices/<device_id>/give-back")
def give_back(device):
    """Make it nobody's, and show the code for its next person, this once."""
    called = device.name or device.id
    claiming.give_back(session(), host().settings, device, person().email)
    code = claiming.code(host().settings, device)
    url = f"{host().settings.public_url}{url_for('claim.form', code=code)}"
    return pages.render("given_back.html", called=called, code=code, url=url)


@blueprint.post("/devices/<device_id>/new-secret")
def new_secret(device):
    """Show, this once, the token with which the board itself may bring another secret."""
    text, kept = tokens.enrolment(session(), host().settings, person(), device)
    return pages.render("new_secret.html", device=device, token=text, until=kept.expires_at)
