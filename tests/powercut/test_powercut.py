"""The power fails at a flash operation: what was there before runs, or what was to come, whole.

A sample of the operations is cut, its seed printed; `make powercut` cuts at every one.
"""

import os
import random

import pytest

from tests.powercut.kinds import NAMES
from tests.powercut.suite import CUTS

SAMPLE = dict.fromkeys(NAMES, 2)  # operations, each cut three ways
SAMPLE.update({"app": 8, "firmware": 8, "both": 12, "rollback": 8})
SAMPLE.update({"patch": 4, "commit": 4, "metadata": 4})
LAST = 45  # of them hold the boot record, otadata and the commit: half of the sample is of these
FAULTS = (
    ("app", "trial-before-stage"),
    ("app", "trust-what-is-there"),
    ("app", "activate-after-a-cut"),
    ("both", "record-in-place"),
    ("both", "valid-before-seal"),
    ("setup", "secret-anew"),
    ("metadata", "keep-in-place"),
)


@pytest.fixture(scope="session")
def seed():
    return int(os.environ.get("POWERCUT_SEED", random.randrange(1 << 32)))


def sample(rig, seed):
    """Operations to cut at."""
    operations, size = rig.operations(), SAMPLE[rig.name]
    print(f"POWERCUT_SEED={seed}: {rig.name}, {size} of {operations} operations")  # noqa: T201 - to repeat it
    rng, middle = random.Random(seed), max(operations // 2, operations - LAST)
    halves = range(1, middle + 1), range(middle + 1, operations + 1)
    return sorted(n for half in halves for n in rng.sample(half, min(size // 2, len(half))))


@pytest.mark.parametrize("when", CUTS)
@pytest.mark.parametrize("name", NAMES)
def test_a_cut_leaves_the_old_or_the_new_and_the_next_update_succeeds(rig_of, seed, name, when):
    rig = rig_of(name)
    found = {n: w for n in sample(rig, seed) if (w := rig.wrong(rig.cut([(n, when)])))}
    assert found == {}


@pytest.mark.parametrize("name", ("both", "rollback"))
def test_three_cuts_in_a_row_do_no_more(rig_of, seed, name):
    rig, rng = rig_of(name), random.Random(seed)
    operations = rig.operations()
    for _ in range(4):
        cuts = [(rng.randint(1, operations), rng.choice(CUTS)) for _ in range(3)]
        assert (cuts, rig.wrong(rig.cut(cuts))) == (cuts, [])


@pytest.mark.parametrize(("name", "fault"), FAULTS)
def test_the_suite_catches_a_planted_fault(rig_of, name, fault):
    rig = rig_of(name)
    operations = rig.operations()
    end = max(operations - 2 * LAST, 0)
    places = [*range(operations, end, -2), *range(end, 0, -max(1, end // 20))]
    caught = (n for n in places if is_caught(rig, (n, "after"), fault))
    assert next(caught, None) is not None


def is_caught(rig, cut, fault):
    rig.fresh()
    if rig.life("live", *cut, fault) is not None:
        return False
    return bool(rig.wrong(rig.life("recover", fault=fault)))
