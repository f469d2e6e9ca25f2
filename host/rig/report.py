"""What came of the scenarios: for people, as JSON, and as JUnit XML."""

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from host.builder.errors import ToolError
from host.rig.board import Board, fault
from host.rig.errors import RigError, Skipped
from host.rig.scenarios import Scenario

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
_MARKS = {PASSED: "✓", FAILED: "✗", SKIPPED: "-"}


@dataclass(frozen=True)
class Result:
    """One scenario on one board."""

    board: str
    scenario: str
    outcome: str
    seconds: float
    detail: str
    reason: str | None = None  # a word, of a failure

    @property
    def text(self) -> str:
        """A line for people."""
        took = f"{self.seconds:.1f} s"
        mark = _MARKS[self.outcome]
        return f"{mark} {self.board}  {self.scenario:<18} {took:>8}  {self.detail}"


@dataclass(frozen=True)
class Report:
    """All of a session."""

    product: str
    number: int
    results: list[Result]
    is_interrupted: bool
    folder: str  # of the serial logs

    @property
    def counts(self) -> dict[str, int]:
        """How many of each outcome."""
        found = [one.outcome for one in self.results]
        return {outcome: found.count(outcome) for outcome in _MARKS}

    @property
    def is_good(self) -> bool:
        """Whether everything was tried and nothing failed."""
        return not self.is_interrupted and not self.counts[FAILED]

    @property
    def value(self) -> dict[str, Any]:
        """For programs."""
        return {
            "product": self.product,
            "number": self.number,
            "good": self.is_good,
            "interrupted": self.is_interrupted,
            "counts": self.counts,
            "folder": self.folder,
            "results": [asdict(one) for one in self.results],
        }

    @property
    def summary(self) -> str:
        """The last lines for people."""
        counts = ", ".join(f"{n} {outcome}" for outcome, n in self.counts.items())
        state = "interrupted, boards keep their power: " if self.is_interrupted else ""
        return (
            f"{self.product} {self.number}: {state}{counts}; "
            f"serial logs and the host's log: {self.folder}"
        )


def run(board: Board, scenario: Scenario) -> Result:
    """Play a scenario on a board.

    Raises:
        Interrupted: by a person.
    """
    started = time.monotonic()

    def result(outcome: str, detail: str, reason: str | None = None) -> Result:
        seconds = round(time.monotonic() - started, 3)
        return Result(board.name, scenario.name, outcome, seconds, detail, reason)

    try:
        return result(PASSED, scenario.play(board))
    except Skipped as why:
        return result(SKIPPED, str(why))
    except (ToolError, OSError) as error:  # TimeoutError is an OSError
        met = fault(error)
        failed = result(FAILED, met.detail, met.code)
        _begin_anew(board)
        return failed


def _begin_anew(board: Board) -> None:
    try:
        board.distrust()
    except RigError:
        return  # broken: the next scenario says so


def write_junit(report: Report, path: Path) -> None:
    """Write JUnit XML: a suite for each board."""
    root = Xml.Element("testsuites")
    for name, results in _by_board(report.results):
        counts = {
            "tests": len(results),
            "failures": _count(results, FAILED),
            "skipped": _count(results, SKIPPED),
        }
        attributes = {key: str(n) for key, n in counts.items()}
        attributes["time"] = f"{sum(one.seconds for one in results):.3f}"
        suite = Xml.SubElement(root, "testsuite", name=name, **attributes)
        for one in results:
            _add_case(suite, one)
    path.parent.mkdir(parents=True, exist_ok=True)
    Xml.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _add_case(suite: Xml.Element, one: Result) -> None:
    case = Xml.SubElement(
        suite, "testcase", classname=one.board, name=one.scenario, time=f"{one.seconds:.3f}"
    )
    detail = _printable(one.detail)
    if one.outcome == FAILED:
        Xml.SubElement(case, "failure", message=detail, type=one.reason or "failed")
    elif one.outcome == SKIPPED:
        Xml.SubElement(case, "skipped", message=detail)
    else:
        Xml.SubElement(case, "system-out").text = detail


def _printable(text: str) -> str:
    """Boards say what they like; XML takes no control characters."""
    return "".join(c if c in "\n\t" or c.isprintable() else "?" for c in text)


def _count(results: Iterable[Result], outcome: str) -> int:
    return sum(one.outcome == outcome for one in results)


def _by_board(results: list[Result]) -> Iterable[tuple[str, list[Result]]]:
    names = dict.fromkeys(one.board for one in results)
    return [(name, [one for one in results if one.board == name]) for name in names]


Tell = Callable[[Result], None]
