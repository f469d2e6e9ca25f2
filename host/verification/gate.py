"""Tries a release: the checks that read it, then those that run it, one after the other."""

import importlib.util
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import simulator
from host.verification import candidate, checks, confined, sandbox
from host.verification.finding import FAIL, LEVELS, WARN, Finding, fails

_INSIDE = "host.verification.inside"
_ORDER = {check.name: n for n, check in enumerate(checks.CHECKS, 1)}

# Of a release that had to be ended: (title, sentence).
_ENDED = {
    confined.TIME: (
        "It did not come to an end",
        "The boards were still at it after {seconds:.0f} s: does something in it never end?",
    ),
    confined.MEMORY: (
        "It takes the verifier's memory",
        "What it started took more than {mb} MB, which no honest release does.",
    ),
    confined.PROCESSES: (
        "It starts processes without end",
        "More than {processes} processes ran: code in it starts programs on the machine that "
        "tries it (a fork bomb). A board has none to start.",
    ),
    confined.OUTPUT: ("It prints without end", "It drowned the verifier in output."),
    "network": (
        "It phones out of its verifier",
        "Code in it went around its board's WiFi and tried to reach the network of the machine "
        "that tries it. There is none inside; honest code has no way to try.",
    ),
    "keys": (
        "It looks for the host's keys",
        "Code in it opened the place where a host keeps the keys that sign for boards. What lay "
        "there was a decoy; honest code has no way to look.",
    ),
    "disk": (
        "It fills the verifier's disk",
        "Its scratch disk of {disk} MB is full: code in it writes to the machine that tries it.",
    ),
}


def run(
    case: candidate.Case,
    tell: Callable[[str, int, str], None],
    is_over: Callable[[], bool] = lambda: False,
    hidden=(),
    limits: sandbox.Limits | None = None,
    kinds=("bubblewrap", "own-user"),
    only=(),
) -> list[Finding]:
    """Findings about a case. `tell(check, place in the order, detail)` says where it is.

    `hidden` folders are nowhere to be seen from inside; `is_over` ends it early; `only` these
    checks run on boards, where some are named.
    """
    made = []
    for step, check in enumerate(checks.STATIC, 1):
        tell(check.name, step, "")
        found = check.run(case)
        made += found
        if check.is_vital and fails(found):
            return [*made, *_untried("what is above keeps boards from running it")]
    found = sandbox.find(kinds)
    lacking = _NO_SANDBOX if found is None else _missing()
    if lacking:
        return [*made, *_untried(lacking)]
    with tempfile.TemporaryDirectory(prefix="mpfleet-gate-") as name:
        place = sandbox.Place.below(Path(name), hidden)
        candidate.write(case, place.case)
        heard = _Heard(tell)
        limits = limits or _limits(case)
        ended = confined.run(found, _INSIDE, place, limits, heard.line, is_over, only)
        return made + _judged(heard, ended, limits)


_NO_SANDBOX = (
    "nothing here confines it: install bubblewrap (apt install bubblewrap), or let unprivileged "
    "users make namespaces"
)


def _missing():
    """What virtual boards need and this machine lacks, or ""."""
    try:
        simulator.micropython()
    except simulator.MicroPythonMissing as error:
        return str(error)
    if importlib.util.find_spec("littlefs") is None:
        return "littlefs-python is not installed: pip install 'mpfleet[virtual]'"
    return ""


def _limits(case):
    """Time for a machine ten times as slow as the one it was measured on."""
    return sandbox.Limits(seconds=300 + 60 * len(case.field) + 5 * case.cuts)


def _untried(why):
    for check in checks.ON_BOARDS:
        yield Finding(check.name, WARN, check.title, f"Not tried: {why}.")


def _judged(heard, ended, limits):
    """What was found inside, and why it had to be ended where it was."""
    made = list(heard.findings)
    if heard.is_done and not ended.cause:
        return made
    title, sentence = _why(ended, heard.stopped_by, limits)
    log = f"{heard.last}\n{ended.log}"
    made.append(Finding(heard.check, FAIL, title, sentence, log))
    seen = {one.check for one in made}
    why = "the verifier had to end it before"
    made += [one for one in _untried(why) if one.check not in seen]
    return sorted(made, key=lambda one: _ORDER[one.check])


def _why(ended, stopped_by, limits):
    cause = stopped_by or ended.cause
    if cause in _ENDED:
        title, sentence = _ENDED[cause]
        figures = {"seconds": limits.seconds, "processes": limits.processes,
                   "mb": limits.memory_bytes >> 20, "disk": limits.disk_bytes >> 20}  # fmt: skip
        return title, sentence.format(**figures)
    sentence = (
        f"The verifier inside the sandbox ended with status {ended.status} while this ran: the "
        "release may have broken out of its board and ended it. The log says what was heard."
    )
    return "It ended its verifier", sentence


class _Heard:
    """What the program inside says, line by line; nothing of it is taken for more than a claim."""

    def __init__(self, tell):
        self._tell = tell
        self.findings = []
        self.check = checks.ON_BOARDS[0].name
        self.stopped_by = self.last = ""
        self.is_done = False

    def line(self, text):
        """One line: JSON of a kind that is known, or nothing."""
        try:
            kind, *rest = json.loads(text)
            getattr(self, f"_{kind}", lambda *_: None)(*rest)
        except (ValueError, TypeError):
            self.last = text[:1000]

    def _at(self, check, detail):
        if check in _ORDER:
            self.check = check
            self._tell(check, _ORDER[check], str(detail))

    def _found(self, check, level, title, sentence, log):
        if check in _ORDER and level in LEVELS:
            made = Finding(check, level, str(title), str(sentence), str(log))
            self.findings.append(made.bounded())

    def _limit(self, word):
        self.stopped_by = word if word in _ENDED else ""

    def _done(self):
        self.is_done = True
