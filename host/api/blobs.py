"""The user API of blobs (SPEC section 11)."""

from flask import Blueprint, request, send_file

from host.extensions import host, looking_session, session
from host.services import blobs

blueprint = Blueprint("blobs_api", __name__, url_prefix="/api/v1")


@blueprint.put("/blobs/<sha256>")
def put(sha256):
    """Upload a blob that a release lists."""
    # One more than it may be: Werkzeug calls a stream that ends exactly at its limit too large.
    request.max_content_length = blobs.size_max(looking_session(), sha256) + 1
    blobs.put(looking_session(), host().storage, sha256, request.stream)
    return {}


@blueprint.get("/blobs/<sha256>")
def get(sha256):
    """A blob's bytes."""
    blobs.find(session(), sha256)
    path = host().storage.path(sha256)
    return send_file(path, mimetype="application/octet-stream", conditional=True, etag=False)
