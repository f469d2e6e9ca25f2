"""A host that tries releases: from the upload to the verdict, also where its worker is killed."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from host.builder import release
from host.cli import verification
from host.cli.release import publish
from host.rig.process import HostProcess, free_port
from host.verification import sandbox

BLINK = Path(__file__).parents[2] / "examples" / "blink"


@pytest.fixture
def gate(tmp_path, monkeypatch):
    """A host with its gate; few power cuts, for this is not about them."""
    monkeypatch.setenv("MPFLEET_VERIFICATION_CUTS", "2")
    port = free_port()
    options = ["--port", str(port), "--mqtt-port", str(free_port()), "--verification", "on"]
    with (tmp_path / "host.log").open("wb") as log:
        made = HostProcess(tmp_path / "data", f"https://127.0.0.1:{port}", options, log)
        try:
            made.wait_until_ready()
            yield made
        finally:
            made.stop()


def worker(gate):
    """Id of the worker's process."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(gate._process.pid)],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return int(re.search(r"(\d+) .*host\.serve worker", listed)[1])


@pytest.mark.skipif(not sandbox.find(), reason="nothing here confines a release: no bubblewrap")
def test_a_release_is_tried_though_its_worker_is_killed(gate):
    client = gate.sign_in()
    publish(client, release.build(BLINK, 1, 1795000000))
    while (found := verification.read(client, "blink", 1))["job"]["check"] != "boots":
        assert found["state"] == "verifying", json.dumps(found)
        time.sleep(0.1)
    os.kill(worker(gate), signal.SIGKILL)
    found = verification.follow(client, "blink", 1, is_quiet=True)
    client.close()
    wrong = [one for one in found["findings"] if one["level"] != "pass"]
    assert (found["state"], wrong) == ("verified", [])
    assert {one["check"] for one in found["findings"]} >= {"content", "updates", "cuts", "figures"}
