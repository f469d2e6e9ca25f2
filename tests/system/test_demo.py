"""The scenes of `make demo`, as one system test: real sockets, real TLS, a real MicroPython."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_board_takes_keeps_and_undoes_releases(tmp_path):
    command = [sys.executable, "-m", "examples.demo", "--keep", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stdout[-80:].strip().splitlines()[-1:]) == (
        0,
        ["Everything happened as it should."],
    ), done.stdout + done.stderr
