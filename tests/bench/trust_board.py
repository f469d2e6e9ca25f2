"""A board's trust in its host, talk by talk: how many signatures it verifies.

Runs in MicroPython: ROOT PORT FOLDER. `tests/bench/trust.py` is the host, and says what
it is at each mark.
"""

# It runs in MicroPython:
# ruff: noqa: E402, SIM105

import asyncio
import json
import sys

project, port, folder = sys.argv[1:]
sys.path[:0] = [project + "/tests/unit/device/fakes", project]
from rig import Rig

from device import conversation
from device.errors import HttpError
from device.update import metadata, signature, trust

verify = signature.verify
counted = [0]


def count(*arguments):
    counted[0] += 1
    return verify(*arguments)


metadata.verify = count
conversation.drop = lambda names: None  # it stays loaded, to be counted
with open(folder + "/ca.hex") as f:  # too long for an argument
    r = Rig(int(port), f.read(), folder=folder)


class Held(trust.Held):
    def __init__(self, _):
        super().__init__(folder)


trust.Held = Held
r.clock.is_set = True
r.reports = None  # nothing is doubted here
r.identity.product, r.identity.model = "blink", "ESP32_GENERIC"
talk = conversation.Trust(r, r.http)


async def mark(name):
    """Tell the host what comes; it has nothing to say to that."""
    try:
        await r.http.get("/mark/" + name)
    except HttpError:
        pass


async def visit(name):
    """One talk, as conversation.py has it; how many signatures were verified, and what came."""
    await mark(name)
    counted[0] = 0
    answer = await (await r.http.get("/assignment")).json(2048)
    await talk.catch_up(answer, answer.pop("release"))
    print("=" + json.dumps([name, counted[0], answer.get("release") is not None]))


async def main():
    for name in ("first", "idle", "renewed", "release", "delegated"):
        await visit(name)


asyncio.run(main())
