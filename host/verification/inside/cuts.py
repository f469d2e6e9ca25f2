"""Power cuts at flash operations all along an update: a sample, each on a board of its own.

One update is watched, every operation of its flash kept. What the flash holds after a cut at any
of them is made of that, and a board is started on it: so no cut costs the way to it.
"""

import hashlib
import random
from concurrent.futures import ThreadPoolExecutor

from host.verification.finding import FAIL, PASS, WARN, Finding
from host.verification.inside import variants
from host.verification.inside.boards import TrialError, story

NAME, _TITLE = "cuts", "Power cuts"
_PLACE = {"before": "before", "middle": "in the middle of", "after": "after"}
_LAST = 45  # operations that hold the boot record and the commit: half of the sample is of these
_AT_A_TIME = 4
_LIMIT_S = 60


def check(bench, case, tell):
    """Cuts of the update from what runs now, or from an idle release where nothing does."""
    release = case.candidate
    if not case.cuts:
        sentence = "Not tried: the host's setting verification_cuts is 0."
        yield Finding(NAME, WARN, _TITLE, sentence)
        return
    before = case.before or (release.number > 1 and variants.idle(release, release.number - 1))
    known = [one for one in (before, release) if one]
    tell("watching one update")
    try:
        flash, operations = _watched(bench, known, before or None, release)
    except TrialError as error:
        sentence = f"The update to be cut does not even go well without: {error.sentence}."
        yield Finding(NAME, FAIL, _TITLE, sentence, error.log)
        return
    cuts = sample(len(operations), case.cuts, release.manifest)
    done, found = [], []

    def one(cut):
        wrong = None if found else _cut(bench, known, release, _flash(flash, operations, *cut))
        done.append(cut)
        tell(f"{len(done)} of {len(cuts)} cuts")
        if wrong:
            found.append((cut, wrong))

    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        list(pool.map(one, cuts))
    if found:
        (n, when), error = found[0]
        sentence = (
            f"After a power cut {_PLACE[when]} flash operation {n} of {len(operations)} of the "
            f"update a board does not get there: {error.sentence}."
        )
        yield Finding(NAME, FAIL, "A power cut breaks it", sentence, error.log)
        return
    sentence = (
        f"{len(cuts)} cuts at {len({n for n, _ in cuts})} of {len(operations)} flash operations "
        "of an update: each board ended on the release."
    )
    yield Finding(NAME, PASS, _TITLE, sentence)


def sample(operations, count, seed):
    """(operation, when) of so many cuts, the same ones for the same seed. Pure."""
    rng = random.Random(hashlib.sha256(seed).digest())  # noqa: S311 - to be repeated, not secret
    middle = max(operations // 2, operations - _LAST)
    halves = range(1, middle + 1), range(middle + 1, operations + 1)
    chosen = []
    for half, most in zip(halves, (count - count // 2, count // 2), strict=True):
        places = [(n, when) for n in half for when in _PLACE]
        chosen += rng.sample(places, min(most, len(places)))
    return sorted(chosen)


def _watched(bench, known, before, release):
    """(the flash before an update, [(offset, bytes)] of each operation of it)."""
    with bench.unit("watched", known) as unit:
        unit.deploy(before)
        unit.board.power_off()
        flash = (unit.board.folder / "flash.bin").read_bytes()
        operations = []
        unit.board.flash.on_operation = lambda *one: operations.append(one)
        unit.board.power_on()
        report = unit.update(release)
        if report["outcome"] != "done":
            raise TrialError(story(report), unit.log)
        unit.wait_until_running(release.number)
        unit.board.power_off()
    return flash, operations


def _flash(flash, operations, n, when):
    """What the flash holds after a cut."""
    made = bytearray(flash)
    for offset, data in operations[: n - 1]:
        made[offset : offset + len(data)] = data
    offset, data = operations[n - 1]
    size = {"before": 0, "middle": len(data) // 2, "after": len(data)}[when]
    made[offset : offset + size] = data[:size]
    return bytes(made)


def _cut(bench, known, release, flash):
    """What is wrong with a board that starts on this flash, or None."""
    try:
        with bench.unit("cut", known, flash) as unit:
            unit.board.power_on()
            unit.host.offer(release, bench.assignment)
            unit.wait_until_running(release.number, _LIMIT_S)
    except TrialError as error:
        return error
    return None
