"""What boards say of themselves over MQTT: are they there, what runs, how far an update is.

Payloads come from boards: a field of the wrong type is left out, an unknown device is no error.
"""

from datetime import timedelta

from sqlalchemy import update

from host.models import Device
from host.services import assignments
from host.services.clock import utc
from host.services.manifest import NUMBER_MAX

_STATUS = {"slot": 8, "mode": 16, "firmware": 64}  # text fields of a status and their length
_PROGRESS_EVERY = timedelta(seconds=1)  # what a person can see; boards may say it more often


def status(session, device_id, payload, *, now=None):
    """Take a status message or a last will (SPEC section 9): `{"online": true, …}`."""
    device = _known(session, device_id)
    if device is None:
        return
    device.online = payload.get("online") is True
    if not device.online:
        return
    device.last_seen_at = utc(now)
    for field, length in _STATUS.items():
        if isinstance(payload.get(field), str):
            setattr(device, field, text(payload[field], length))
    assignments.note_firmware(session, device, now=now)
    if device.mode != "golden":
        device.retry_active = False
    # The number of a trial is not what the board runs until it says so by a report.
    if not is_number(payload.get("number")):
        return
    if device.mode == "trial":
        assignments.follow(session, device, payload["number"], "trial", now=now)
    else:
        assignments.runs(session, device, payload["number"], now=now)


def progress(session, device_id, payload, *, now=None):
    """Take a progress message: `{"number": 5, "step": "stage", "done": 4096, "total": 20480}`.

    In update mode, when no status says so, it brings `"mode": "update"` along.
    """
    device = _known(session, device_id)
    fields = {name: payload.get(name) for name in ("number", "done", "total")}
    step = payload.get("step")
    if device is None or not isinstance(step, str) or not all(map(is_number, fields.values())):
        return
    now = utc(now)
    if is_due(device.progress, step, now):
        device.progress = {**fields, "step": text(step, 16), "at": now.timestamp()}
        if isinstance(payload.get("mode"), str):
            device.mode = text(payload["mode"], _STATUS["mode"])
        assignments.follow(session, device, fields["number"], text(step, 16), now=now)


def is_due(last, step, now):
    """Whether a progress is worth writing: another step, or long enough since the last."""
    if last is None or last["step"] != step:
        return True
    return now.timestamp() - last["at"] >= _PROGRESS_EVERY.total_seconds()


def everyone_offline(session):
    """Forget who was online: a bridge that starts learns it anew from the retained messages."""
    session.execute(update(Device).values(online=False))


def is_number(value):
    """Whether a board's value is a number that a column takes (and not true or false)."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= NUMBER_MAX


def text(value, length):
    """A board's text made storable: no lone surrogates or NUL (PostgreSQL), not too long."""
    return value.encode("utf-8", "replace").decode().replace("\0", "")[:length]


def _known(session, device_id):
    device = session.get(Device, device_id)
    return None if device is None or device.state == "retired" else device
