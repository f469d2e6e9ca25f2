"""Puts the case in a folder through every check on boards; prints what it finds, line by line."""

import ctypes
import json
import os
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from host.verification import candidate
from host.verification.finding import FAIL, WARN, Finding
from host.verification.inside import cuts, guard, stages, updates
from host.verification.inside.boards import Bench, TrialError

_SET_DUMPABLE = 4

# Those of a row at once, for boards wait more than they compute; after a row in which one failed
# that is vital nothing follows.
_ROWS = (
    (("imports", stages.imports), ("boots", stages.boots)),
    (("updates", updates.check), ("cuts", cuts.check)),
    (("figures", stages.figures),),
)
_VITAL = ("imports", "boots")


class Voice:
    """Says things on what was standard output; nothing else in this program can."""

    def __init__(self):
        self._file = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        self._lock = threading.Lock()

    def say(self, *words):
        """A line."""
        with self._lock:
            self._file.write(json.dumps(words) + "\n")
            self._file.flush()


def main(case, hidden, only):
    """Row after row of checks."""
    ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)  # boards may not look into us
    voice = Voice()
    scratch = Path(tempfile.mkdtemp())
    guard.start(scratch, hidden, partial(_end, voice))
    case = candidate.read(Path(case))
    release = case.candidate
    bench = Bench(scratch, release.value["product"], _model(release), _sim(release, scratch))
    is_over = False
    for row in _ROWS:
        for one in _row(row, only, is_over, bench, case, voice):
            voice.say("found", *one)
            is_over |= one.check in _VITAL and one.level == FAIL
    voice.say("done")
    sys.stdout.flush()
    os._exit(0)  # whatever threads boards left behind


def _row(row, only, is_over, bench, case, voice):
    """What the checks of a row find, in their order."""
    chosen = [one for one in row if not only or one[0] in only]
    if is_over:
        why = "Not tried: what is above failed."
        return [Finding(name, WARN, "Not tried", why) for name, _ in chosen]
    with ThreadPoolExecutor(len(row)) as pool:
        runs = [pool.submit(_findings, *one, bench, case, voice) for one in chosen]
        return [finding for run in runs for finding in run.result()]


def _findings(name, check, bench, case, voice):
    voice.say("at", name, "")
    try:
        return list(check(bench, case, lambda detail: voice.say("at", name, detail)))
    except TrialError as error:
        sentence = f"A board did not get that far: {error.sentence}."
        return [Finding(name, FAIL, "A board did not get that far", sentence, error.log)]


def _sim(release, scratch):
    """A folder of what stands in for its hardware: the candidate's, on every board."""
    folder = scratch / "sim"
    folder.mkdir()
    for path, _, name in release.sim:
        (folder / Path(path).name).write_bytes(release.read(name))
    return folder


def _model(release):
    boards = release.value["boards"]
    return next((one for one in boards if one.startswith("ESP32")), boards[0])


def _end(voice, word):
    voice.say("limit", word)
    os._exit(3)


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
