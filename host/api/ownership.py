"""The user API of whose a device is: claim, give back, hand over (SPEC section 11)."""

from flask import Blueprint, request

from host.access import person
from host.api import answers, body, shown
from host.errors import HostError
from host.extensions import host, session
from host.services import claiming, devices, tokens, transfers

blueprint = Blueprint("ownership_api", __name__, url_prefix="/api/v1")

_NAME_CHARS_MAX = 64


@blueprint.post("/devices/claim")
def claim():
    """Make the device with a code one's own."""
    user, fields = person(), body.fields()
    code, name = body.text(fields, "code", 32), body.text(fields, "name", _NAME_CHARS_MAX, "")
    device_id = body.text(fields, "device", 32, "") or None
    given = code, name, request.remote_addr, device_id
    return shown.one(claiming.claim(session(), host().settings, user, *given), user)


@blueprint.post("/enrolment-tokens")
def enrolment_token():
    """A token that makes one board this person's, or lets a device of theirs renew its secret."""
    user, device_id = person(), body.fields().get("device")
    device = devices.find(session(), user, device_id) if isinstance(device_id, str) else None
    text, kept = tokens.enrolment(session(), host().settings, user, device)
    return {"token": text, "expires_at": answers.time(kept.expires_at)}, 201


@blueprint.post("/devices/<device_id>/give-back")
def give_back(device):
    """Make it nobody's; the answer has the code by which its next person claims it."""
    claiming.give_back(session(), host().settings, device, person().email)
    code = claiming.code(host().settings, device)
    return {"device": device.id, "state": device.state, "claim_code": code}


@blueprint.post("/devices/<device_id>/transfer")
def transfer(device):
    """Offer it to a person, or give it to a group."""
    fields = body.fields()
    if ("user" in fields) == ("group" in fields):
        raise HostError("bad-request", 'Say either "user" or "group".')
    if "group" in fields:
        transfers.to_group(session(), device, person(), body.text(fields, "group", 64))
    else:
        email = body.text(fields, "user", 254)
        transfers.to_person(session(), host().settings, device, person(), email)
    return shown.one(device, person())


@blueprint.delete("/devices/<device_id>/transfer")
def take_back(device):
    """Offer it to nobody any more."""
    transfers.take_back(session(), device, person())
    return shown.one(device, person())


@blueprint.get("/offers")
def offers():
    """The devices that are offered to this person."""
    return [answers.offer(one) for one in transfers.offers(session(), person())]


@blueprint.post("/offers/<device_id>/accept")
def accept(device_id):
    """Take one."""
    return shown.one(transfers.accept(session(), person(), device_id), person())


@blueprint.delete("/offers/<device_id>")
def decline(device_id):
    """Do not take it."""
    transfers.decline(session(), person(), device_id)
    return {}
