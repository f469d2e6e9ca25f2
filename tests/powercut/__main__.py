"""Cut the power at every flash operation of every scenario, on as many cores as there are."""

import argparse
import os
import random
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests import memory
from tests.powercut.kinds import NAMES
from tests.powercut.suite import CUTS, Rig

ROWS = 40  # of two and three cuts each, at random places
_rig = None


def prepare(name):
    """A rig of this process's own."""
    global _rig
    folder = tempfile.TemporaryDirectory(dir=memory.folder())
    _rig = Rig(Path(folder.name), name)
    _rig.kept = folder


def judge(cuts):
    """(cuts, what started after them, what is wrong)."""
    told = _rig.cut(cuts)
    found = _rig.wrong(told)
    return cuts, "neither" if found else _rig.first(told), found


def rows(operations, rng):
    """Every operation each way, then some rows of cuts."""
    for n in range(1, operations + 1):
        yield from ([(n, when)] for when in CUTS)
    for length in (2, 3):
        for _ in range(ROWS):
            yield [(rng.randint(1, operations), rng.choice(CUTS)) for _ in range(length)]


def run(name, seed):
    """One line for a scenario; how many cuts left neither."""
    prepare(name)
    operations = _rig.operations()
    cuts = list(rows(operations, random.Random(seed)))
    found = Counter()
    with ProcessPoolExecutor(os.cpu_count(), initializer=prepare, initargs=(name,)) as pool:
        for at, started, why in pool.map(judge, cuts, chunksize=16):
            found[started] += 1
            if why:
                print(f"  {name} cut at {at}: {'; '.join(why)}", flush=True)
    shown = (name, operations, len(cuts), found["old"], found["new"], found["neither"])
    print("{:13} {:>10} {:>6} {:>6} {:>6} {:>8}".format(*shown), flush=True)
    return found["neither"]


def main():
    """Every scenario, or those that are named; 1 where a cut left neither release."""
    parser = argparse.ArgumentParser(prog="make powercut ARGS=…", description=__doc__)
    parser.add_argument("--only", action="append", choices=NAMES, help="may be repeated")
    parser.add_argument("--seed", type=int, help="repeats the random rows of cuts")
    given = parser.parse_args()
    seed = random.randrange(1 << 32) if given.seed is None else given.seed
    print(f"seed {seed}")
    print(f"{'scenario':13} {'operations':>10} {'cuts':>6} {'old':>6} {'new':>6} {'neither':>8}")
    return 1 if sum([run(kind, seed) for kind in given.only or NAMES]) else 0


if __name__ == "__main__":
    sys.exit(main())
