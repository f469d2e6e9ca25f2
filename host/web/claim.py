"""Where the address that a board shows leads: make it one's own."""

from flask import flash, redirect, request, url_for

from host.access import person
from host.errors import HostError
from host.extensions import host, keep_changes, session
from host.services import devices
from host.web import pages

blueprint = pages.page_blueprint("claim")

_CODE_CHARS_MAX = 32


@blueprint.get("/claim")
def form():
    """Ask for the code, or for a yes to the one in the address."""
    return pages.render("claim.html", code=request.args.get("code", "")[:_CODE_CHARS_MAX])


@blueprint.post("/claim")
def take():
    """Claim; a wrong code is asked again."""
    code, name = request.form.get("code", "")[:_CODE_CHARS_MAX], request.form.get("name", "")[:64]
    try:
        given = code, name, request.remote_addr
        device = devices.claim(session(), host().settings, person(), *given)
    except HostError as error:
        keep_changes()
        page = pages.render("claim.html", code=code, name=name, error=error)
        return page, error.status
    flash("The board is yours.")
    return redirect(url_for("devices.show", device_id=device.id))
