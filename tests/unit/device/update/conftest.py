"""Runs scripts on the rig of tests/powercut, a littlefs; shows the TUF client repositories."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from simulator import micropython
from tests.unit.device.update.repository import NOW, Repository

ROOT = Path(__file__).parents[4]
MICROPYTHON = str(micropython())
START = """
import sys
sys.path[:0] = [{root!r} + "/tests/powercut", {root!r}]
import asyncio
import json
import os
import rig
given = json.loads({given!r})
flash, root = rig.mount({root!r}, {work!r}, fresh=True)


def say(value):
    print("=" + json.dumps(value))


def mpy(seed, size):
    body = bytes([(seed * 31 + i * 7 + i // 256) & 255 for i in range(size - 4)])
    return b"M\\x06\\x00\\x1f" + body


FILES = {{"app/main.mpy": mpy(1, 900), "device/run.mpy": mpy(2, 5000), "lib/x.mpy": mpy(3, 300)}}
host = rig.Host()
board = rig.Board(host, root)
"""


@pytest.fixture
def on_rig(tmp_path):
    """Run a script on a fresh board; the values it said."""

    def run(script, *given):
        source = START.format(root=str(ROOT), work=str(tmp_path), given=json.dumps(given)) + script
        (tmp_path / "script.py").write_text(source)
        done = subprocess.run(
            [MICROPYTHON, str(tmp_path / "script.py")], capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return [json.loads(line[1:]) for line in done.stdout.splitlines() if line.startswith("=")]

    return run


VISITS = """
import io
import json
from binascii import unhexlify
from device.errors import DeviceError
from device.update import metadata

with open(given[0]) as f:
    visits, path = json.load(f)


class Held(dict):
    sent = None
    def open(self, role):
        return io.BytesIO(self[role]) if role in self else None
    def keep(self, role):
        self[role] = self.sent
    def drop(self, role):
        self.pop(role, None)


def drive(steps, files, asked):
    answer = None
    try:
        while True:
            want = steps.send(answer)
            answer = None
            if want:
                name, limit = want
                asked.append(name)
                if name in files:
                    Held.sent = unhexlify(files[name])
                    if len(Held.sent) > limit:
                        raise metadata.Untrusted("bad-metadata", "over", limit)
                    answer = io.BytesIO(Held.sent)
    except StopIteration as e:
        return e.value


held = Held()
held["root"] = unhexlify(visits[0][0]["1.root.json"])
for files, now in visits:
    asked = []
    try:
        trusted = drive(metadata.refresh(held, now), files, asked)
        entry = drive(metadata.find(trusted, held, now, path), files, asked) if path else None
        said = {"versions": trusted.versions(), "entry": entry}
    except DeviceError as e:
        said = {"error": e.code, "values": e.args[1:]}
    said["asked"] = asked
    said["held"] = {role: json.loads(held[role])["signed"]["version"] for role in held}
    print(json.dumps(said))
"""


@pytest.fixture
def visit(on_board, tmp_path):
    """Let a fresh client see the files of repositories one after another; what it said of each."""

    def see(*files, now=NOW, path=None):
        moments = now if isinstance(now, tuple) else (now,) * len(files)
        visits = [
            ({name: data.hex() for name, data in one.items()}, moment)
            for one, moment in zip(files, moments, strict=True)
        ]
        (tmp_path / "visits").write_text(json.dumps((visits, path)))
        return [json.loads(line) for line in on_board(VISITS, str(tmp_path / "visits"))]

    return see


@pytest.fixture
def repository():
    """One that a test may change."""
    return Repository()
