"""The power fails at a flash operation of an app update: the old release runs or the new, whole.

A sample of the operations is cut, its seed printed; POWERCUT=all cuts at every one (12 minutes).
"""

import os
import random

import pytest

SAMPLE = 22  # operations, each cut three ways
CUTS = ("before", "middle", "after")
FAULTS = ("trial-before-stage", "trust-what-is-there", "activate-after-a-cut")


def neither(told):
    """What is wrong with a board after a cut; an empty list for one that is well."""
    wrong = []
    if told["chosen"] not in (4, 5) or not told["is_whole"]:
        wrong.append("it started neither the old release nor the new")
    if told["number"] != 5 or told["mode"] != "active" or not told["is_new_whole"]:
        wrong.append("the update did not get there")
    if [r for r in told["reports"] if r[1] != "done"]:
        wrong.append("a cut was held against the release")
    if told["next"] != 6 or not told["is_next_whole"]:
        wrong.append("the next update did not get there")
    if told["leftovers"] or told["garbage"]:
        wrong.append("state files are left over or garbage")
    return wrong


@pytest.fixture(scope="module")
def operations(rig):
    rig.fresh()
    told = rig.life("update")
    assert (told["number"], told["mode"]) == (5, "active")
    return told["operations"]


@pytest.fixture(scope="module")
def chosen(operations):
    if os.environ.get("POWERCUT") == "all":
        return range(1, operations + 1)
    seed = int(os.environ.get("POWERCUT_SEED", random.randrange(1 << 32)))
    print(f"POWERCUT_SEED={seed}: {SAMPLE} of {operations} operations")  # noqa: T201 - to repeat it
    # The last ones hold the boot record and the commit: a random sample would seldom meet them.
    rest = random.Random(seed).sample(range(1, operations - 9), SAMPLE - 10)
    return sorted([*rest, *range(operations - 9, operations + 1)])


@pytest.mark.parametrize("when", CUTS)
def test_a_cut_leaves_the_old_release_or_the_new_and_the_next_update_succeeds(rig, chosen, when):
    wrong = {n: told for n in chosen if neither(told := rig.cut(n, when))}
    assert wrong == {}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_suite_catches_a_planted_fault(rig, chosen, fault):
    step = max(1, len(chosen) // 12)
    caught = (n for n in [*chosen][::-step] if is_caught(rig, n, fault))
    assert next(caught, None) is not None


def is_caught(rig, n, fault):
    rig.fresh()
    if rig.life("update", n, "after", fault) is not None:
        return False
    return bool(neither(rig.life("recover", fault=fault)))
