"""The user API of devices and assignments (SPEC section 11)."""

from flask import Blueprint

from host.access import person
from host.api import answers, body, shown
from host.errors import HostError
from host.extensions import host, session
from host.services import assignments, conflicts, devices, outbox, releases, reports, trust

blueprint = Blueprint("devices_api", __name__, url_prefix="/api/v1")

_ASSIGNMENTS_BYTES_MAX = 256 * 1024  # some thousand ids
_NAME_CHARS_MAX = 64


@blueprint.get("/devices")
def listed():
    """The devices that this person sees."""
    user = person()
    return shown.several(devices.mine(session(), user), user)


@blueprint.get("/devices/<device_id>")
def show(device):
    """One device."""
    return shown.one(device, person())


@blueprint.patch("/devices/<device_id>")
def rename(device):
    """Another name, other tags, another time zone: what is given."""
    user, fields = person(), body.fields()
    if not fields.keys() & {"name", "tags", "timezone"}:
        raise HostError("bad-request", 'Give "name", "tags" or "timezone".')
    if "name" in fields:
        name = body.text(fields, "name", _NAME_CHARS_MAX)
        devices.rename(session(), device, name, user.email)
    tags, timezone = fields.get("tags"), fields.get("timezone")
    devices.label(session(), device, user.email, tags=tags, timezone=timezone)
    return shown.one(device, user)


@blueprint.delete("/devices/<device_id>")
def retire(device):
    """Shut a device out."""
    user = person()
    devices.retire(session(), device, user.email)
    return shown.one(device, user)


@blueprint.post("/devices/<device_id>/update-now")
def update_now(device):
    """Tell the board to check now."""
    devices.notify(session(), device, outbox.CHECK)
    return {}, 202


@blueprint.post("/devices/<device_id>/resolve-conflict")
def resolve_conflict(device):
    """Decide between the secret that is kept and the one that waits."""
    user, is_accepted = person(), body.fields().get("accept")
    if not isinstance(is_accepted, bool):
        raise HostError("bad-request", '"accept" must be true or false.')
    conflicts.resolve(session(), device, is_accepted, user.email)
    return shown.one(device, user)


@blueprint.get("/devices/<device_id>/reports")
def device_reports(device):
    """The newest reports of a device."""
    found = reports.of(session(), device, since=devices.since(person(), device))
    return [answers.report(one) for one in found]


@blueprint.post("/assignments")
def assign():
    """Offer a release to devices."""
    user = person()
    fields = body.fields(_ASSIGNMENTS_BYTES_MAX)
    product, number = body.text(fields, "product", 32), body.number(fields, "number")
    release = releases.find(session(), product, number)
    chosen = devices.chosen(session(), user, fields.get("devices"), release)
    made = assignments.assign(session(), chosen, release, user.email)
    is_approved = trust.is_approved(host().trust, release)
    given = [answers.assignment(one) for one in made]
    return {"assignments": given, "approved": is_approved}, 201
