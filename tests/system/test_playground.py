"""`make run` as a newcomer meets it: it comes up, ends on Ctrl-C, and finds its data again."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from host.rig.process import free_port

ROOT = Path(__file__).parents[2]


class Run:
    """One `make run` on a data folder."""

    def __init__(self, folder, ports):
        command = [sys.executable, "-u", "-m", "examples.playground", "--data", str(folder)]
        command += ["--port", str(ports[0]), "--mqtt-port", str(ports[1])]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines = []

    def read_until(self, text):
        """Collect what it prints up to a line with `text`; the end of the output is a failure."""
        for line in self.process.stdout:
            self.lines.append(line)
            if text in line:
                return line
        raise AssertionError("".join(self.lines))

    def interrupt(self):
        """Press Ctrl-C; the exit status, once nothing holds its output any more."""
        self.process.send_signal(signal.SIGINT)
        self.lines += self.process.communicate(timeout=60)[0].splitlines(keepends=True)
        return self.process.returncode


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    """Two runs after one another on the same folder, each ended by Ctrl-C."""
    folder, ports = tmp_path_factory.mktemp("run") / "data", (free_port(), free_port())
    runs = []
    for _ in range(2):
        run = Run(folder, ports)
        try:
            run.read_until("Ctrl-C ends all of it")
            run.end = run.interrupt()
        finally:
            run.process.kill()
        runs.append(run)
    return runs


def test_ctrl_c_ends_everything(two_runs):
    assert [run.end for run in two_runs] == [0, 0]


def test_the_password_is_printed_once(two_runs):
    first, second = ("".join(run.lines) for run in two_runs)
    assert (len(re.findall(r"password\s+\S+", first)), "password " in second) == (1, False)


def test_a_second_run_sets_no_board_up_again(two_runs):
    setting = ["".join(run.lines).count("setting blink-") for run in two_runs]
    assert setting == [2, 0]
