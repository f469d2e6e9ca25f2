"""The releases of a session, made of the candidate: what it is like before, broken, changed."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from host.builder import bytecode
from host.builder import firmware as images
from host.builder.release import Release, digest

_APP = "app/main.mpy"
_IDLE = b"""
import asyncio

async def main(board):
    board.log("app", "of the rig")
    while True:
        await asyncio.sleep(60)
"""
_RAISES = b"""
async def main(board):
    raise ValueError("the rig's bad app")
"""
_NOISE_BYTES = 32 * 1024  # nothing deflates: staging it takes a board some seconds


@dataclass(frozen=True)
class Kind:
    """How a release differs from the candidate."""

    files: Mapping[str, bytes] = field(default_factory=dict)  # replaced or added, by path
    firmware: Mapping[str, bytes] | None = None  # by board model; None: the candidate's
    drops: bool = False  # the candidate's own app is left out


def variant(candidate: Release, number: int, kind: Kind) -> Release:
    """The candidate under another number, with the differences of this kind."""
    files = {path: candidate.blobs[name] for path, _, name in candidate.files}
    if kind.drops:
        files = {path: data for path, data in files.items() if not path.startswith("app/")}
    files.update(kind.files)
    blobs = {digest(data): data for data in files.values()}
    parts: dict[str, Any] = {
        "app": {"files": [[path, len(data), digest(data)] for path, data in sorted(files.items())]}
    }
    brought = candidate.value["parts"].get("firmware")
    if kind.firmware is not None:
        brought = images.part(dict(kind.firmware), digest)
        blobs |= {digest(data): data for data in kind.firmware.values()}
    elif brought:
        blobs |= {one["sha256"]: candidate.blobs[one["sha256"]] for one in brought.values()}
    if brought:
        parts["firmware"] = brought
    changed = {"number": number, "parts": parts, "firmwares": []}
    value = {**candidate.value, **changed}
    return Release(_canonical(value), blobs)


def elf(image: bytes, model: str) -> str:
    """How a board names this firmware."""
    return images.part({model: image}, digest)[model]["elf"]


def baseline() -> Kind:
    """An app that does nothing, on the firmware that is there."""
    return Kind({_APP: bytecode.compile_source(_IDLE, "app/main.py")}, {}, drops=True)


def bad() -> Kind:
    """Its app raises at its start."""
    return Kind({_APP: bytecode.compile_source(_RAISES, "app/main.py")})


def with_noise() -> Kind:
    """It brings what no board has, so that staging it takes a while."""
    return Kind({"app/rig-noise.bin": os.urandom(_NOISE_BYTES)})


def with_firmware(model: str, image: bytes) -> Kind:
    """It brings this firmware."""
    return Kind(firmware={model: image})


def bad_with_firmware(model: str, image: bytes) -> Kind:
    """Its app raises, and it brings this firmware."""
    return Kind(bad().files, {model: image})


def _canonical(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
