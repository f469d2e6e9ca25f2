"""The network fails in an update: the board ends on the right release, with bounded retries.

A sample of each scenario's faults, its seed printed; `make faults` has many more of each.
"""

import os
import random

import pytest

from tests.faults import suite
from tests.faults.suite import SCENARIOS, Case, cases, is_met, run, wrong
from tests.faults.variant import PLANTED

SAMPLE = 1  # of each scenario; its kinds of update follow from the seed
# Which planted fault is found by which case, and what that case then says.
CAUGHT = (
    ("no-hash-check", Case("answer", "app", "corrupt", ("blobs", 1, "middle")), "not what it"),
    ("no-bound", Case("for-ever", "patch", "corrupt", ("blobs", "middle")), "was asked for"),
    ("no-back-off", Case("host", "app", "host", (2000, 3)), "connections, at most"),
    ("no-resume", Case("cut", "firmware", "cut", (8443, True, 90_000)), "bytes fetched"),
    ("no-waiting", Case("status", "app", "503 for 5 s", ("blobs", 0, 0, 5)), "Retry-After"),
)


@pytest.fixture(scope="module")
def seed():
    return int(os.environ.get("FAULTS_SEED", random.randrange(1 << 32)))


@pytest.fixture(scope="module")
def good_runs(rig, boards):
    return suite.good_runs(rig, boards)


def test_the_board_ends_on_the_right_release_and_takes_the_next(rig, boards, good_runs, seed):
    sample = [c for name in SCENARIOS for c in cases(name, good_runs, seed, SAMPLE)]
    told = list(boards.map(lambda case: run(rig, case), sample))
    met = sum(map(is_met, told))
    print(f"FAULTS_SEED={seed}: {met} of {len(sample)} met")  # noqa: T201 - to repeat it
    ended = zip(sample, told, strict=True)
    found = {case: wrong(case, one, good_runs[case.kind]) for case, one in ended}
    assert {case: why for case, why in found.items() if why} == {}


def test_the_suite_catches_each_planted_fault(rig, boards, good_runs):
    def judge(row):
        planted, case, says = row
        told = run(rig, case, planted, end_s=40)
        return planted, is_met(told), says in "; ".join(wrong(case, told, good_runs[case.kind]))

    assert list(boards.map(judge, CAUGHT)) == [(planted, True, True) for planted in PLANTED]
