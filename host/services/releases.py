"""Releases: a manifest comes first, then the blobs it lacks, then it is whole and is tried."""

from sqlalchemy import func, select

from host.errors import HostError
from host.models import Blob, Device, Release, ReleaseBlob
from host.services import events, manifest, verifications
from host.services.clock import utc
from host.verification import downgrade, image

_MPY_MAGIC = ord("M")
_MPY_HEAD = 4  # magic, ABI, flags, small-int bits
_AHEAD_MAX = 1000  # a board that says more is not believed: it could use all numbers up


def listed(session, product=None):
    """Releases, newest first; of one product, or of all."""
    query = select(Release).order_by(Release.created_at.desc(), Release.id.desc())
    return list(session.scalars(query.where(Release.product == product) if product else query))


def find(session, product, number):
    """One release. Raises: HostError `not-found`."""
    query = select(Release).where(Release.product == product, Release.number == number)
    release = session.scalars(query).first()
    if release is None:
        raise HostError("not-found", f"There is no release {number} of {product!r}.")
    return release


def versions(session, devices):
    """The versions that devices run, by (product, number), as far as the host has the release."""
    products = {device.product for device in devices}
    numbers = {device.number for device in devices} - {None}
    query = select(Release.product, Release.number, Release.version).where(
        Release.product.in_(products), Release.number.in_(numbers)
    )
    return {(product, number): version for product, number, version in session.execute(query)}


def next_number(session, product):
    """The number that the next release of a product should take.

    Above what boards run, too: after the restore of a backup they may run what is unknown here.
    """
    query = select(func.max(Release.number)).where(Release.product == product)
    newest = session.scalar(query) or 0
    runs = select(func.max(Device.number)).where(
        Device.product == product, Device.state == "claimed", Device.number <= newest + _AHEAD_MAX
    )
    return max(newest, session.scalar(runs) or 0) + 1


def add(session, settings, content, user, *, now=None):
    """Take a manifest: (release, whether it is new). The same bytes again are harmless.

    Raises: HostError `number-taken`, and those of manifest.parse.
    """
    parsed = manifest.parse(content)
    name = manifest.sha256(content)
    query = select(Release).where(
        Release.product == parsed.product, Release.number == parsed.number
    )
    there = session.scalars(query).first()
    if there is not None:
        if there.manifest_sha256 != name:
            message = f"Release {parsed.number} of {parsed.product} has other content."
            raise HostError("number-taken", message, next=next_number(session, parsed.product))
        return there, False
    _must_be_small(parsed, settings)
    return _insert(session, parsed, content, user, utc(now)), True


def missing(session, release):
    """The SHA-256 of what still has to be uploaded for a release."""
    query = (
        select(ReleaseBlob.sha256)
        .outerjoin(Blob, Blob.sha256 == ReleaseBlob.sha256)
        .where(ReleaseBlob.release_id == release.id, Blob.sha256.is_(None))
        .order_by(ReleaseBlob.sha256)
    )
    return list(session.scalars(query))


def complete(session, settings, storage, release, who, *, now=None):
    """All blobs are there: check them, pack them for travel, and have the release tried.

    Raises: HostError `blobs-missing`, `native-code`, `wrong-abi`, `manifest-invalid`, `bad-image`,
    `wrong-chip`.
    """
    if release.state != "draft":
        return
    lacks = missing(session, release)
    if lacks:
        raise HostError("blobs-missing", f"{len(lacks)} blobs are missing.", missing=lacks)
    blobs = _blobs(session, release)
    _check_content(release, {blob.sha256: blob.size_bytes for blob in blobs}, storage)
    for blob in blobs:
        if not blob.is_packed:  # what a blob looks like on the wire never changes afterwards
            blob.pieces_bytes, blob.is_packed = storage.pack(blob.sha256), True
    events.add(session, who, release.subject, "uploaded", now=now)
    verifications.begin(session, settings, release, who, now=now)


def _check_content(release, sizes, storage):
    for path, size, sha256 in release.parts["app"]["files"]:
        if sizes[sha256] != size:
            there = sizes[sha256]
            raise HostError("manifest-invalid", f"{path} has {there} bytes, not {size}.")
        if path.endswith(".mpy"):
            _check_bytecode(path, storage.read(sha256, _MPY_HEAD), release.abi)
    found = release.images
    versions = {model: _check_image(model, one, storage) for model, one in found.items()}
    if versions:  # what a board can be given it for (assignments.must_fit)
        brought = {model: {**found[model], "micropython": versions[model]} for model in found}
        release.parts = {**release.parts, "firmware": brought}


def _insert(session, parsed, content, user, now):
    sizes = {
        sha256: size for _, size, sha256 in parsed.files + parsed.images + parsed.simulation
    }
    release = Release(
        product=parsed.product, number=parsed.number, version=parsed.version,
        description=parsed.description, boards=parsed.boards, abi=parsed.abi,
        parts=parsed.parts.model_dump(exclude_none=True),
        size_bytes=sum(size for _, size, _ in parsed.files + parsed.images),
        state="draft", created_at=now, created_by=user,
        manifest_sha256=manifest.sha256(content), manifest=content, manifest_size=len(content),
    )  # fmt: skip
    session.add(release)
    session.flush()
    session.add_all(
        ReleaseBlob(release_id=release.id, sha256=sha256, size_bytes=size)
        for sha256, size in sizes.items()
    )
    events.add(session, user.email, release.subject, "created", release.version, now=now)
    return release


def _must_be_small(parsed, settings):
    for path, size, _ in parsed.files + parsed.images + parsed.simulation:
        if size > settings.blob_bytes_max:
            raise HostError("too-large", f"{path} is over {settings.blob_bytes_max} bytes.")


def _blobs(session, release):
    query = select(Blob).join(ReleaseBlob, ReleaseBlob.sha256 == Blob.sha256)
    return session.scalars(query.where(ReleaseBlob.release_id == release.id)).all()


def _check_image(model, one, storage):
    """The MicroPython of an image that is what the manifest says."""
    content = storage.read(one["sha256"])
    try:
        found = image.read(content, model)
    except image.ImageError as error:
        raise HostError(error.code, f"The firmware for {model}: {error}.") from error
    if (len(content), found.elf) != (one["size"], one["elf"]):
        message = f"The firmware for {model} has other sizes or another ELF hash than it says."
        raise HostError("manifest-invalid", message)
    return downgrade.version(content, found)


def _check_bytecode(path, head, abi):
    if len(head) < _MPY_HEAD or head[0] != _MPY_MAGIC:
        raise HostError("manifest-invalid", f"{path} is no .mpy file.")
    if head[1] != abi:
        raise HostError("wrong-abi", f"{path} has ABI {head[1]}, the release {abi}.")
    if head[2] >> 2:
        raise HostError("native-code", f"{path} holds native code; releases are bytecode only.")
