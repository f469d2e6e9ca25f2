"""A release in one file, NAME-NUMBER.mpfleet: a zip of manifest.json and blobs/<sha256>."""

import os
import zipfile
import zlib
from pathlib import Path

from device import protocol
from host.builder.errors import BuildError
from host.builder.release import Release, digest

_BLOB_BYTES_MAX = 4 << 20  # more than a board's file system, or its firmware partition
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same release makes the same bundle
# RuntimeError: encrypted, a method that zipfile lacks, a manifest nested too deep.
_DAMAGE = (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError,
           KeyError, TypeError, ValueError)  # fmt: skip


def name(release: Release) -> str:
    """The file name of a release's bundle."""
    return f"{release.product}-{release.number}.mpfleet"


def write(release: Release, path: Path) -> None:
    """Write the bundle as a whole or not at all."""
    temp = path.with_name(path.name + ".new")
    with zipfile.ZipFile(temp, "w") as archive:
        _add(archive, "manifest.json", release.manifest)
        for sha256, content in sorted(release.blobs.items()):
            _add(archive, f"blobs/{sha256}", content)
    os.replace(temp, path)


def read(path: Path) -> Release:
    """Read a bundle, with every blob checked against its name.

    Raises:
        BuildError: `bundle-invalid`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _take(archive, "manifest.json", protocol.MANIFEST_BYTES_MAX)
            release = Release(manifest, {})
            for sha256 in release.digests:
                release.blobs[sha256] = _take(archive, f"blobs/{sha256}", _BLOB_BYTES_MAX)
    except FileNotFoundError as error:
        raise BuildError("bundle-invalid", str(path), "no such file") from error
    except _DAMAGE as error:
        raise BuildError("bundle-invalid", str(path), f"not a bundle: {error}") from error
    for sha256, content in release.blobs.items():
        if digest(content) != sha256:
            raise BuildError("bundle-invalid", str(path), f"blob {sha256[:12]}… is damaged")
    return release


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.external_attr = 0o644 << 16
    archive.writestr(info, content)


def _take(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    info = archive.getinfo(name)
    if info.file_size > limit:
        raise ValueError(f"{name} is larger than {limit} bytes")
    return archive.read(info)
