"""The pages of devices."""

from flask import flash, redirect, request, url_for

from host.access import person
from host.errors import HostError
from host.extensions import host, session
from host.services import (
    assignments,
    claiming,
    conflicts,
    devices,
    events,
    groups,
    outbox,
    permissions,
    releases,
    reports,
    transfers,
)
from host.web import pages

blueprint = pages.page_blueprint("devices")

_NAME_CHARS_MAX = 64
_NUMBER_DIGITS_MAX = 10


@blueprint.get("/")
def listed():
    """All devices that this person sees."""
    offers = transfers.offers(session(), person())
    return pages.render("devices.html", offers=offers, **_list(person()))


@blueprint.get("/devices/rows")
def rows():
    """The list alone, fetched every few seconds by live.js."""
    return pages.render("_devices.html", **_list(person()))


@blueprint.get("/devices/<device_id>")
def show(device):
    """One device."""
    choice = [one for one in releases.listed(session(), device.product) if one.state == "approved"]
    mine = groups.listed(session(), person())
    return pages.render("device.html", releases=choice, groups=mine, **_one(device))


@blueprint.get("/devices/<device_id>/live")
def live(device):
    """What changes of one device, fetched every few seconds by live.js."""
    return pages.render("_device.html", **_one(device))


@blueprint.post("/devices/<device_id>/<action>")
def change(device, action):
    """Do one of the actions below and show the device again."""
    if action not in _ACTIONS:
        raise HostError("not-found", "There is no such action.")
    flash(_ACTIONS[action](device, person()))
    return redirect(url_for("devices.show", device_id=device.id))


def _update_now(device, _user):
    devices.notify(session(), device, outbox.CHECK)
    if not device.online:
        return "The board is offline. It looks for its release when it is back."
    return "The board was told to look for its release now."


def _retry_active(device, _user):
    devices.notify(session(), device, outbox.RETRY_ACTIVE)
    return "The board was told to try its release again."


def _assign(device, user):
    number = request.form.get("number", "")
    if not number.isdecimal() or len(number) > _NUMBER_DIGITS_MAX:
        raise HostError("bad-request", "Choose a release.")
    release = releases.find(session(), device.product, int(number))
    assignments.assign(session(), [device], release, user.email)
    return f"Release {release.number} is offered to the board."


def _rename(device, user):
    devices.rename(session(), device, request.form.get("name", "")[:_NAME_CHARS_MAX], user.email)
    return "The device has its new name."


def _label(device, user):
    tags = request.form.get("tags", "").replace(",", " ").split()
    timezone = request.form.get("timezone", "").strip() or None
    devices.label(session(), device, user.email, tags=tags, timezone=timezone)
    return "Rollouts go by these from now on."


def _retire(device, user):
    devices.retire(session(), device, user.email)
    return "The device is retired: its secret no longer works."


def _accept_secret(device, user):
    conflicts.resolve(session(), device, True, user.email)
    return "The new secret holds. The board comes online when it asks again, within an hour."


def _refuse_secret(device, user):
    conflicts.resolve(session(), device, False, user.email)
    return "The old secret goes on working, the other was turned away."


def _transfer(device, user):
    if "group" in request.form:
        transfers.to_group(session(), device, user, request.form["group"])
        return f"The device is with the group {device.group.name} now."
    email = request.form.get("user", "")
    transfers.to_person(session(), host().settings, device, user, email)
    if device.offered_to:
        return f"The device is offered to {device.offered_to.email}; they see it among theirs."
    return f"The device is {device.owner.email}'s now."


def _take_back(device, user):
    transfers.take_back(session(), device, user)
    return "The device is offered to nobody any more."


_ACTIONS = {
    "update-now": _update_now,
    "retry-active": _retry_active,
    "assign": _assign,
    "rename": _rename,
    "label": _label,
    "retire": _retire,
    "accept-secret": _accept_secret,
    "refuse-secret": _refuse_secret,
    "transfer": _transfer,
    "take-back": _take_back,
}


def _list(user):
    found = devices.mine(session(), user)
    ids = [device.id for device in found]
    return {
        "devices": found,
        "newest": assignments.newest(session(), ids),
        "last": reports.newest(session(), ids),
        "versions": releases.versions(session(), found),
    }


def _one(device):
    since = devices.since(person(), device)
    sees_codes = permissions.allows(person(), "device.see-all")
    return {
        "device": device,
        "assignment": assignments.newest(session(), [device.id]).get(device.id),
        "version": releases.versions(session(), [device]).get((device.product, device.number)),
        "reports": reports.of(session(), device, 20, since),
        "events": events.of(session(), f"device {device.id}", 20, since),
        "taker": transfers.taker(device),
        "claim_code": claiming.code(host().settings, device) if sees_codes else None,
    }
