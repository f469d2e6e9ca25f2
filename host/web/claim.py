"""Where the address that a board shows leads: make it one's own."""

from flask import flash, redirect, request, url_for

from host.access import person
from host.errors import HostError
from host.extensions import host, keep_changes, session
from host.services import claiming
from host.web import pages

blueprint = pages.page_blueprint("claim")

_CODE_CHARS_MAX = 32
_NAME_CHARS_MAX = 64
_NOT_FOUND = 404


@blueprint.get("/claim")
def form():
    """Ask for the code, or for a yes to the one in the address; wait for a board on its way."""
    device_id, code = _asked()
    standing = _standing(device_id)
    if standing == claiming.YOURS:
        return redirect(url_for("devices.show", device_id=device_id))
    if standing == claiming.REFUSED:
        return _page(None, code, error=claiming.no_such_code()), _NOT_FOUND
    return _page(device_id if code else None, code, standing=standing)


@blueprint.get("/claim/waiting")
def waiting():
    """What stands on the page that waits for a board, fetched every few seconds by live.js."""
    device_id, code = _asked()
    standing = _standing(device_id)
    error = claiming.no_such_code() if standing == claiming.REFUSED else None
    values = {"device_id": device_id, "code": code, "standing": standing, "error": error}
    return pages.render("_claim.html", **values)


@blueprint.post("/claim")
def take():
    """Claim; a wrong code is asked again."""
    code, name = request.form.get("code", "")[:_CODE_CHARS_MAX], request.form.get("name", "")
    name, device_id = name.strip()[:_NAME_CHARS_MAX], request.form.get("device") or None
    try:
        given = code, name, request.remote_addr, device_id
        device = claiming.claim(session(), host().settings, person(), *given)
    except HostError as error:
        keep_changes()
        return _page(device_id, code, name=name, error=error), error.status
    flash("The board is yours.")
    return redirect(url_for("devices.show", device_id=device.id))


def _asked():
    return request.args.get("device") or None, request.args.get("code", "")[:_CODE_CHARS_MAX]


def _standing(device_id):
    if device_id is None:
        return claiming.READY
    return claiming.standing(session(), host().settings, person(), device_id)


def _page(device_id, code, **values):
    given = {"standing": claiming.READY} | values
    return pages.render("claim.html", device_id=device_id, code=code, **given)
