"""Patches between the firmware images of releases: made ahead of a rollout, offered to boards."""

import re

from sqlalchemy import select

from device import protocol
from host import patches
from host.errors import HostError
from host.models import Blob, Device, Release
from host.services import blobs

_TARGETS = 2  # newest releases with firmware of a product that patches lead to
_SOURCES = 3  # releases with firmware before each that they lead from, whatever runs in the field
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
        if release.state == "draft":
            raise HostError("not-ready", f"Release {release.number} is not complete.")
    old, new = _images(before), _images(after)
    both = [model for model in sorted(new) if old.get(model, new[model]) != new[model]]
    return {model: _make(session, storage, old[model], new[model]) for model in both}


def wanted(session):
    """Ids of the releases (before, after) that patches should lead between, the newest first.

    From what runs in the field, and from the last few: a board may come back from a drawer.
    """
    brings = Release.parts["firmware"].as_string().is_not(None)
    query = select(Release.product, Release.number, Release.id).where(
        Release.state != "draft", brings
    )
    products = {}
    for product, number, found in session.execute(query.order_by(Release.number.desc())):
        products.setdefault(product, []).append((number, found))
    return [
        pair
        for product, releases in products.items()
        for pair in _pairs(releases, _running(session, product))
    ]


def tidy(session, storage):
    """Remove the patches whose source or target is no longer stored; how many they were."""
    known = set(session.scalars(select(Blob.sha256)))
    stale = [pair for pair in storage.patches() if not known.issuperset(pair)]
    for source, target in stale:
        storage.remove_patch(source, target)
    return len(stale)


def offered(session, storage, accept, sha256, product):
    """Path of the patch that an `Accept` asks for (SPEC section 12); None where there is none.

    The source must be of the board's own product: a patch tells much of both images.
    """
    asked = _FROM.search(accept)
    if not asked:
        return None
    is_there = storage.patch_bytes(asked[1], sha256) and blobs.of_product(
        session, asked[1], product
    )
    return storage.patch_path(asked[1], sha256) if is_there else None


def _running(session, product):
    """Numbers of the releases that run in the field."""
    query = select(Device.number).where(Device.product == product, Device.state == "claimed")
    return {number for number in session.scalars(query.distinct()) if number is not None}


def _pairs(releases, running):
    """The pairs of one product. Pure.

    `releases`: those that bring firmware, (number, id) each, the newest first. What runs with a
    release that brings none came with the newest before it.
    """
    for n, (_, after) in enumerate(releases[:_TARGETS]):
        older = releases[n + 1 :]
        fielded = {next((i for number, i in older if number <= r), None) for r in running}
        last = {found for _, found in older[:_SOURCES]}
        yield from ((i, after) for _, i in older if i in fielded | last)


def _images(release):
    """SHA-256 of the firmware image for each board model."""
    return {model: image["sha256"] for model, image in release.images.items()}


def _make(session, storage, source, target):
    size = storage.patch_bytes(source, target)
    if size is None:  # once made, a patch never changes: a download may be half way
        content = patches.make(storage.read(source), storage.read(target))
        blob = blobs.find(session, target)
        if len(content) >= (blob.pieces_bytes or blob.size_bytes):
            content = b""  # it is not tried again
        storage.put_patch(source, target, content)
        size = len(content)
    return size or None
