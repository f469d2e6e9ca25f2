"""The API of boards (SPEC section 7)."""

from datetime import UTC, datetime

from flask import Blueprint, Response, request, send_file

from device import protocol
from host.api import body
from host.api.authorization import board, claimed_board, device
from host.errors import HostError
from host.extensions import host, session
from host.services import blobs, checkin, claiming, patches, presence, registration, reports, trust

blueprint = Blueprint("device_api", __name__, url_prefix=protocol.API)

_REGISTER_BYTES_MAX = 4096
_REFUSED = "refused"
# Of a file to a board, which has to read and drop them once for every blob.
_OF_NO_USE = ("Content-Disposition", "Last-Modified", "Cache-Control")
_PROGRESS_PARTS = (3, 4)  # step;done;total, and the mode of a board that has no MQTT just now
_COUNT_DIGITS_MAX = 10  # int() refuses thousands


@blueprint.post("/register")
def register():
    """A board says who it is."""
    fields = body.fields(_REGISTER_BYTES_MAX)
    done = registration.register(session(), host().settings, fields, request.remote_addr)
    trust.note_seen(session(), host().trust, done.device, fields.get("metadata"))
    answer = {"state": done.device.state}
    code = claiming.code(host().settings, done.device)
    if code:
        answer["claim_code"] = code
        answer["claim_url"] = f"{host().settings.public_url}/claim?code={code}"
    if done.is_token_refused:
        answer["token"] = _REFUSED
    return answer


@blueprint.get("/assignment")
def assignment():
    """What the board should do."""
    found = board()
    host().check_ins.note_asked(found, datetime.now(UTC))
    return checkin.answer(found, host().settings.poll_s, host().trust.repository.version())


@blueprint.get("/metadata/<name>")
def metadata(name):
    """A file of the signed metadata, byte for byte."""
    board()
    content = host().trust.repository.read(name)
    if content is None:
        raise HostError("not-found", "There is no such metadata.")
    return Response(content, mimetype="application/json")


@blueprint.get("/manifests/<sha256>")
def manifest(sha256):
    """A manifest, byte for byte."""
    content = blobs.manifest_for_product(session(), sha256, claimed_board().product)
    return Response(content, mimetype="application/json")


@blueprint.get("/blobs/<sha256>")
def blob(sha256):
    """A blob, whole or from an offset, raw, in pieces, or as a patch."""
    found = claimed_board()
    one = blobs.for_product(session(), sha256, found.product)
    _note_progress(found)
    storage = host().storage
    accept = request.headers.get("Accept", "")
    patch = patches.offered(session(), storage, accept, sha256, found.product)
    if patch:
        response = _send(patch, protocol.PATCH)
    elif one.pieces_bytes and protocol.PIECES in accept:
        response = _send(storage.pieces_path(sha256), protocol.PIECES)
    else:
        response = _send(storage.path(sha256), "application/octet-stream")
    response.vary.add("Accept")
    return response


@blueprint.post("/reports")
def report():
    """What happened on the board."""
    one = device()
    items = body.decode(body.read(protocol.REPORT_BYTES_MAX), errors="replace")
    accepted = reports.accept(session(), host().settings, one, items)
    for item in items:
        trust.note_seen(session(), host().trust, one, item.get("metadata"))
    return {"accepted": accepted}


def _send(path, kind):
    # Ranges (206, 416) and streaming are Werkzeug's; no ETag, for the name is the hash already.
    response = send_file(path, mimetype=kind, conditional=True, etag=False)
    for name in _OF_NO_USE:
        response.headers.remove(name)
    return response


def _note_progress(found):
    parts = request.headers.get(protocol.PROGRESS_HEADER, "").split(";")
    if len(parts) not in _PROGRESS_PARTS or found.number is None:
        return
    step, done, total, *mode = parts
    if all(text.isdecimal() and len(text) <= _COUNT_DIGITS_MAX for text in (done, total)):
        payload = {"number": found.number, "step": step, "done": int(done), "total": int(total)}
        if mode:
            [payload["mode"]] = mode
        presence.progress(session(), found.id, payload)
