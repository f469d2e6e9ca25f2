"""`mpfleet rig run` as a person and as a program use it, on virtual boards."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from host.builder import bundle, release

COMMAND = Path(sys.executable).parent / "mpfleet"
RIG = """
resets = 500
[[boards]]
name = "one"
power = { by = "virtual" }
"""
TWO = RIG + RIG.replace("resets = 500", "").replace("one", "two")


@pytest.fixture
def bench(tmp_path):
    """Starts `mpfleet rig run` with release 1 of an app, which has no release before it."""
    (tmp_path / "app").mkdir()
    (tmp_path / "mpfleet.json").write_text('{"product": "lamp", "boards": ["ESP32_GENERIC"]}')
    (tmp_path / "app/main.py").write_text(
        "import asyncio\n\n\nasync def main(board):\n    await asyncio.sleep(3600)\n"
    )
    bundle.write(release.build(tmp_path, 1, 1795000000), tmp_path / "lamp-1.mpfleet")

    def start(rig, *options):
        (tmp_path / "rig.toml").write_text(rig)
        command = [COMMAND, "rig", "run", "lamp-1.mpfleet", "--rig", "rig.toml", *options]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        return subprocess.Popen(
            command,
            cwd=tmp_path,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return start


def test_a_release_is_tried_on_two_boards_at_once(bench, tmp_path):
    chosen = [word for name in ("registers", "app-update") for word in ("--only", name)]
    process = bench(TWO, *chosen, "--json", "--junit", "report.xml", "--logs", "logs")
    said, error = process.communicate(timeout=120)
    assert error == ""
    found = json.loads(said)
    assert [one for one in found["results"] if one["outcome"] != "passed"] == []
    assert process.returncode == 0
    played = sorted((one["board"], one["scenario"], one["outcome"]) for one in found["results"])
    assert played == [
        (board, scenario, "passed")
        for board in ("one", "two")
        for scenario in ("app-update", "registers")
    ]
    assert {path.name for path in (tmp_path / "logs").iterdir()} == {
        "host.log",
        "one.log",
        "two.log",
    }
    cases = Xml.parse(tmp_path / "report.xml").iter("testcase")  # noqa: S314 - ours
    assert len(list(cases)) == 4


def test_ctrl_c_prints_what_was_done(bench):
    process = bench(RIG, "--only", "registers", "--only", "resets")
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert first.startswith("✓ one  registers")
    assert process.returncode == 130
    assert "interrupted, boards keep their power: 1 passed" in said
