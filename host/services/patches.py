"""Patches between the firmware images of releases: made ahead of a rollout, offered to boards."""

import re

from device import protocol
from host import patches
from host.errors import HostError
from host.services import blobs

_FROM = re.compile(re.escape(protocol.PATCH) + r"\s*;\s*from=\"?([0-9a-f]{64})\b")


def prepare(session, storage, before, after):
    """Make the patches that lead boards from one release's firmware to another's.

    Takes seconds for each board model: call it from no request. What is there is left as it is.
    Returns the bytes of each patch by board model, None where the full image is no longer.
    Raises: HostError `wrong-product`, `not-ready`.
    """
    if before.product != after.product:
        message = f"Release {before.number} is of {before.product}, not of {after.product}."
        raise HostError("wrong-product", message)
    for release in (before, after):
        if release.state != "ready":
            raise HostError("not-ready", f"Release {release.number} is not complete.")
    old, new = _images(before), _images(after)
    both = [model for model in sorted(new) if old.get(model, new[model]) != new[model]]
    return {model: _make(session, storage, old[model], new[model]) for model in both}


def offered(session, storage, accept, sha256, product):
    """Path of the patch that an `Accept` asks for (SPEC section 12); None where there is none.

    The source must be of the board's own product: a patch tells much of both images.
    """
    asked = _FROM.search(accept)
    if not asked:
        return None
    path = storage.patch_path(asked[1], sha256)
    is_there = path.exists() and blobs.of_product(session, asked[1], product) is not None
    return path if is_there else None


def _images(release):
    """SHA-256 of the firmware image for each board model."""
    firmware = release.parts.get("firmware") or {}
    return {model: image["sha256"] for model, image in firmware.items()}


def _make(session, storage, source, target):
    path = storage.patch_path(source, target)
    if not path.exists():  # once made, a patch never changes: a download may be half way
        content = patches.make(storage.read(source), storage.read(target))
        blob = blobs.find(session, target)
        if len(content) >= (blob.pieces_bytes or blob.size_bytes):
            return None
        storage.put_patch(source, target, content)
    return path.stat().st_size
