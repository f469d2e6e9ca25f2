"""A release: the manifest's exact bytes and the blobs it names."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from device import protocol
from host.builder import application, bytecode, firmware, runtime
from host.builder.errors import BuildError
from host.manifest import Manifest


@dataclass(frozen=True)
class Release(Manifest):
    """One numbered version of a product, ready to travel."""

    blobs: dict[str, bytes] = field(repr=False)  # by SHA-256


def build(
    folder: Path,
    number: int,
    created_at: int,
    root: Path = runtime.ROOT,
    images: Iterable[str] = (),
) -> Release:
    """The release of an app folder with the runtime; the same input gives the same bytes.

    `images`: firmware that goes with it, each [MODEL=]FILE.

    Raises:
        BuildError: what keeps the folder from being a release, and where.
    """
    if not 1 <= number < 2**31:
        raise BuildError("bad-number", str(number), "a release number is from 1 to 2147483647")
    app = application.read(folder)
    brought = firmware.read(images, app.boards)
    files = compiled({**app.files, **runtime.release_sources(root)}.items())
    parts: dict[str, Any] = {
        "app": {"files": [[p, len(d), digest(d)] for p, d in sorted(files.items())]}
    }
    if brought:
        parts["firmware"] = firmware.part(brought, digest)
    manifest = {
        "format": protocol.MANIFEST_FORMAT,
        "product": app.product,
        "number": number,
        "version": app.version,
        "description": app.description,
        "created_at": created_at,
        "boards": list(app.boards),
        "abi": bytecode.ABI,
        "firmwares": [],
        "parts": parts,
    }
    sim = {path: place.read_bytes() for path, place in app.sim.items()}
    if sim:  # boards ignore what they do not know, and so never fetch it
        manifest["sim"] = [[path, len(d), digest(d)] for path, d in sorted(sim.items())]
    blobs = {digest(d): d for d in (*files.values(), *brought.values(), *sim.values())}
    return Release(_canonical(manifest, folder), blobs)


def golden(root: Path = runtime.ROOT) -> dict[str, bytes]:
    """The runtime as it lies in /device, by path on the board."""
    return compiled(runtime.sources(root).items())


def compiled(sources: Iterable[tuple[str, Path]]) -> dict[str, bytes]:
    """Each file as a board gets it: .py as .mpy, a checked .mpy and all else as they are."""
    files: dict[str, bytes] = {}
    for path, place in sources:
        name = bytecode.compiled_name(path)
        if name in files:
            raise BuildError("duplicate-path", path, f"there is another {name}")
        files[name] = _content(path, place.read_bytes())
    return files


def digest(content: bytes) -> str:
    """The name of a blob."""
    return hashlib.sha256(content).hexdigest()


def _content(path: str, content: bytes) -> bytes:
    if path.endswith(".py"):
        return bytecode.compile_source(content, path)
    if path.endswith(".mpy"):
        bytecode.check(content, path)
    return content


def _canonical(manifest: dict[str, Any], folder: Path) -> bytes:
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if len(text.encode()) > protocol.MANIFEST_BYTES_MAX:
        raise BuildError(
            "manifest-too-large",
            str(folder),
            f"its list of files takes {len(text.encode())} bytes of "
            f"{protocol.MANIFEST_BYTES_MAX}; put files together",
        )
    return text.encode()
