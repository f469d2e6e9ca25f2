"""Puts the case in a folder through every check on boards; prints what it finds, line by line."""

import contextlib
import ctypes
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

from host.verification import candidate
from host.verification.finding import FAIL, WARN, Finding
from host.verification.inside import cuts, stages, updates
from host.verification.inside.boards import Bench, TrialError

_SET_DUMPABLE = 4
_FULL = 0.9  # of the scratch disk
_LOOK_S = 0.25

# In the order of host.verification.checks; where a check that is vital fails, nothing follows.
_STAGES = (
    ("imports", stages.imports, True),
    ("boots", stages.boots, True),
    ("updates", updates.check, False),
    ("cuts", cuts.check, False),
    ("figures", stages.figures, False),
)


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


def main(folder):
    """Check after check."""
    ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)  # boards may not look into us
    voice = Voice()
    scratch = Path(tempfile.mkdtemp())
    threading.Thread(target=_watch_disk, args=(voice, scratch), daemon=True).start()
    case = candidate.read(Path(folder))
    bench = Bench(scratch, case.candidate.value["product"], _model(case.candidate))
    is_over = False
    for name, check, is_vital in _STAGES:
        voice.say("at", name, "")
        if is_over:
            made = [Finding(name, WARN, "Not tried", "Not tried: what is above failed.")]
        else:
            made = _findings(name, check, bench, case, voice)
        for one in made:
            voice.say("found", *one)
            is_over |= is_vital and one.level == FAIL
    voice.say("done")
    sys.stdout.flush()
    os._exit(0)  # whatever threads boards left behind


def _findings(name, check, bench, case, voice):
    try:
        yield from check(bench, case, lambda detail: voice.say("at", name, detail))
    except TrialError as error:
        sentence = f"A board did not get that far: {error.sentence}."
        yield Finding(name, FAIL, "A board did not get that far", sentence, error.log)


def _model(release):
    boards = release.value["boards"]
    return next((one for one in boards if one.startswith("ESP32")), boards[0])


def _watch_disk(voice, scratch):
    while True:
        time.sleep(_LOOK_S)
        with contextlib.suppress(OSError):
            used = shutil.disk_usage(scratch)
            if used.used > _FULL * used.total:
                voice.say("limit", "disk")
                os._exit(3)


if __name__ == "__main__":
    main(sys.argv[1])
