"""The power fails at a flash operation of an update: the old pair runs or the new, whole.

A sample of the operations is cut, its seed printed; `make powercut` cuts at every one.
"""

import os
import random

import pytest

from tests.powercut.suite import CUTS, SCENARIOS, wrong

SAMPLE = {"app": 8, "firmware": 8, "both": 12, "rollback": 8}  # operations, each cut three ways
LAST = 45  # of them hold the boot record, otadata and the commit: half of the sample is of these
FAULTS = (
    ("app", "trial-before-stage"),
    ("app", "trust-what-is-there"),
    ("app", "activate-after-a-cut"),
    ("both", "record-in-place"),
    ("both", "valid-before-seal"),
)


@pytest.fixture(scope="session")
def seed():
    return int(os.environ.get("POWERCUT_SEED", random.randrange(1 << 32)))


def sample(rig, seed):
    """Operations to cut at."""
    operations, size = rig.operations(), SAMPLE[rig.kind]
    print(f"POWERCUT_SEED={seed}: {rig.kind}, {size} of {operations} operations")  # noqa: T201 - to repeat it
    rng, last = random.Random(seed), range(operations - LAST + 1, operations + 1)
    return sorted([*rng.sample(last, size // 2), *rng.sample(range(1, last[0]), size // 2)])


@pytest.mark.parametrize("when", CUTS)
@pytest.mark.parametrize("kind", SCENARIOS)
def test_a_cut_leaves_the_old_pair_or_the_new_and_the_next_update_succeeds(
    rig_of, seed, kind, when
):
    rig = rig_of(kind)
    found = {n: w for n in sample(rig, seed) if (w := wrong(rig.cut([(n, when)]), kind))}
    assert found == {}


@pytest.mark.parametrize("kind", ("both", "rollback"))
def test_three_cuts_in_a_row_do_no_more(rig_of, seed, kind):
    rig, rng = rig_of(kind), random.Random(seed)
    operations = rig.operations()
    for _ in range(4):
        cuts = [(rng.randint(1, operations), rng.choice(CUTS)) for _ in range(3)]
        assert (cuts, wrong(rig.cut(cuts), kind)) == (cuts, [])


@pytest.mark.parametrize(("kind", "fault"), FAULTS)
def test_the_suite_catches_a_planted_fault(rig_of, kind, fault):
    rig = rig_of(kind)
    operations = rig.operations()
    end = operations - 2 * LAST
    places = [*range(operations, end, -2), *range(end, 0, -max(1, end // 20))]
    caught = (n for n in places if is_caught(rig, (n, "after"), fault))
    assert next(caught, None) is not None


def is_caught(rig, cut, fault):
    rig.fresh()
    if rig.life("update", *cut, fault) is not None:
        return False
    return bool(wrong(rig.life("recover", fault=fault), rig.kind))
