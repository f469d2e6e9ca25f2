"""Runs scripts on the rig of tests/powercut: real update code on a littlefs, in MicroPython."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
MICROPYTHON = shutil.which(
    "micropython", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}"
)
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
