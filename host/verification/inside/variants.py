"""Releases made of others: the content under another number, an application that idles."""

import hashlib
import json

from host.builder import bytecode
from host.verification.candidate import Release

_APP = "app/main.mpy"
_IDLE = b"""
import asyncio

async def main(board):
    while True:
        await asyncio.sleep(60)
"""


def numbered(release, number):
    """The content of a release under another number: what `mpfleet release again` makes."""
    value = {**release.value, "number": number}
    return Release(json.dumps(value, sort_keys=True).encode(), release.read)


def idle(release, number):
    """Its runtime with an application that does nothing: where nothing else is in the field."""
    code = bytecode.compile_source(_IDLE, "app/main.py")
    name = hashlib.sha256(code).hexdigest()
    kept = [one for one in release.files if not one[0].startswith("app/")]
    files = sorted([*map(list, kept), [_APP, len(code), name]])
    value = {**release.value, "number": number, "parts": {"app": {"files": files}}}
    value["firmwares"] = []
    return Release(
        json.dumps(value, sort_keys=True).encode(),
        lambda wanted: code if wanted == name else release.read(wanted),
    )
