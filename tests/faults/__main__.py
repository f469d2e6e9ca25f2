"""Hurt the network of an update at many places, in every way that is known, on all cores."""

import argparse
import os
import random
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests import memory
from tests.faults.rig import Rig
from tests.faults.suite import SCENARIOS, cases, good_runs, is_met, run, tries, wrong

CASES = 36  # of each scenario
BOARDS_PER_CORE = 8  # most of the time a board waits
_LINE = "{:10} {:>7} {:>5} {:>6} {:>6} {:>12}"


def judge(rig, case, good):
    """(Told, what is wrong) of a case."""
    told = run(rig, case)
    return told, wrong(case, told, good)


def table(rig, pool, names, seed, count):
    """A line for each scenario; how many boards came out wrong."""
    good = good_runs(rig, pool)
    print(_LINE.format("scenario", "faults", "met", "right", "wrong", "retries max"))
    total = 0
    for name in names:
        found = Counter()
        retries = 0
        planned = list(cases(name, good, seed, count))
        ran = pool.map(lambda case: (case, *judge(rig, case, good[case.kind])), planned)
        for case, told, why in ran:
            found["wrong" if why else "right"] += 1
            found["met"] += is_met(told)
            retries = max(retries, tries(told) - tries(good[case.kind]))
            if why:
                print(f"  {case.kind} {case.what} at {case.place}: {'; '.join(why)}", flush=True)
        counts = (len(planned), found["met"], found["right"], found["wrong"], retries)
        print(_LINE.format(name, *counts), flush=True)
        total += found["wrong"]
    return total


def main():
    """Every scenario, or those that are named; 1 where a board came out wrong."""
    parser = argparse.ArgumentParser(prog="make faults ARGS=…", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(SCENARIOS), help="may be repeated")
    parser.add_argument("--seed", type=int, help="repeats the places")
    parser.add_argument("--cases", type=int, default=CASES, help="of each scenario (%(default)s)")
    given = parser.parse_args()
    seed = random.randrange(1 << 32) if given.seed is None else given.seed
    print(f"seed {seed}")
    boards = BOARDS_PER_CORE * (os.cpu_count() or 1)
    with (
        tempfile.TemporaryDirectory(dir=memory.folder()) as folder,
        ThreadPoolExecutor(boards) as pool,
    ):
        rig = Rig(Path(folder))
        return 1 if table(rig, pool, given.only or list(SCENARIOS), seed, given.cases) else 0


if __name__ == "__main__":
    sys.exit(main())
