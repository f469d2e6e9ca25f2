"""Blobs: who may store which, and what a board gets to see of one."""

from sqlalchemy import func, select

from host.errors import HostError
from host.models import Blob, Release, ReleaseBlob
from host.services.clock import utc


def put(session, storage, sha256, stream, *, now=None):
    """Store a blob that some release waits for. One that is there already is left as it is.

    Nothing is stored that no release lists, so a client cannot fill the disk with what it likes.
    Raises: HostError `not-found`, and those of Storage.put.
    """
    most = size_max(session, sha256)
    if session.get(Blob, sha256) is None:
        size = storage.put(sha256, stream, most)
        session.add(Blob(sha256=sha256, size_bytes=size, created_at=utc(now)))


def size_max(session, sha256):
    """How long a blob may be: as the releases that list it say. Raises: HostError `not-found`."""
    size = session.scalar(
        select(func.max(ReleaseBlob.size_bytes)).where(ReleaseBlob.sha256 == sha256)
    )
    if size is None:
        raise HostError("not-found", "No release lists this blob.")
    return size


def find(session, sha256):
    """A stored blob. Raises: HostError `not-found`."""
    blob = session.get(Blob, sha256)
    if blob is None:
        raise _unknown(sha256)
    return blob


def for_product(session, sha256, product):
    """A blob, if a ready release of this product uses it. Raises: HostError `not-found`."""
    blob = of_product(session, sha256, product)
    if blob is None:
        raise _unknown(sha256)
    return blob


def of_product(session, sha256, product):
    """A blob, if a ready release of this product uses it, else None."""
    query = (
        select(Blob)
        .join(ReleaseBlob, ReleaseBlob.sha256 == Blob.sha256)
        .join(Release, Release.id == ReleaseBlob.release_id)
        .where(Blob.sha256 == sha256, Release.product == product, Release.state != "draft")
    )
    return session.scalars(query.limit(1)).first()


def manifest_for_product(session, sha256, product):
    """A manifest's bytes, if it is of a ready release of this product."""
    query = select(Release.manifest).where(
        Release.manifest_sha256 == sha256, Release.product == product, Release.state != "draft"
    )
    content = session.scalar(query)
    if content is None:
        raise _unknown(sha256)
    return content


def _unknown(sha256):
    return HostError("not-found", f"There is no {sha256[:64]} here for you.")
