"""Releases for tests of the gate: the runtime with an application of the test's."""

import functools
import hashlib
import json

from host.builder import bytecode, runtime
from host.builder import release as builder
from host.verification.candidate import Release

IDLE = """
import asyncio

async def main(board):
    while True:
        await asyncio.sleep(1)
"""


@functools.cache
def _runtime():
    return builder.compiled(runtime.release_sources().items())


def made(number, source=IDLE, **more):
    """A release whose app/main.py this is."""
    files = {**_runtime(), **more}
    files["app/main.mpy"] = bytecode.compile_source(source.encode(), "app/main.py")
    blobs = {hashlib.sha256(one).hexdigest(): one for one in files.values()}
    listed = [[p, len(one), hashlib.sha256(one).hexdigest()] for p, one in sorted(files.items())]
    value = {
        "format": 1, "product": "blink", "number": number, "version": f"1.{number}",
        "boards": ["ESP32_GENERIC"], "abi": 6, "firmwares": [], "created_at": 1795000000,
        "description": "", "parts": {"app": {"files": listed}},
    }  # fmt: skip
    return Release(json.dumps(value, sort_keys=True).encode(), blobs.__getitem__)
