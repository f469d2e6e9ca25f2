"""Reports of a session, for people and for programs."""

from xml.etree import ElementTree as Xml

import pytest

from host.rig import report
from host.rig.errors import RigError, ScenarioError, Skipped
from host.rig.report import FAILED, PASSED, SKIPPED, Report, Result
from host.rig.scenarios import Scenario

RESULTS = [
    Result("desk", "boots", PASSED, 1.5, "started"),
    Result("desk", "bad-app", FAILED, 2.5, "it said: \x1b[31m<oops>", "not-rolled-back"),
    Result("shelf", "firmware-update", SKIPPED, 0.0, "no second image"),
]


def a_report(results, is_interrupted=False):
    return Report("blink", 4, results, is_interrupted, "logs")


class Desk:
    """A board that counts how often it begins anew."""

    name, times = "desk", 0

    def distrust(self):
        self.times += 1


@pytest.mark.parametrize(
    ("error", "outcome", "reason", "times"),
    (
        (None, PASSED, None, 0),
        (Skipped("no second image"), SKIPPED, None, 0),
        (ScenarioError("too-late", "never came"), FAILED, "too-late", 1),
        (TimeoutError("no 'run: '"), FAILED, "too-late", 1),
        (RigError("no-power-switch", "uhubctl: missing"), FAILED, "no-power-switch", 1),
    ),
)
def test_after_a_failure_the_board_begins_anew(error, outcome, reason, times):
    def play(board):
        if error:
            raise error
        return "done"

    board = Desk()
    result = report.run(board, Scenario("boots", play))
    assert (result.outcome, result.reason, board.times) == (outcome, reason, times)


@pytest.mark.parametrize(
    ("results", "is_interrupted", "is_good"),
    (
        (RESULTS[:1], False, True),
        (RESULTS[::2], False, True),
        (RESULTS[:1], True, False),
        (RESULTS, False, False),
    ),
    ids=("passed", "skipped", "interrupted", "failed"),
)
def test_a_report_is_good_where_all_was_tried_and_nothing_failed(results, is_interrupted, is_good):
    assert a_report(results, is_interrupted).value["good"] is is_good


def test_junit_has_a_suite_for_each_board(tmp_path):
    report.write_junit(a_report(RESULTS), tmp_path / "new" / "report.xml")
    suites = Xml.parse(tmp_path / "new" / "report.xml").getroot()  # noqa: S314 - we wrote it
    found = [(s.get("name"), s.get("tests"), s.get("failures"), s.get("skipped")) for s in suites]
    assert found == [("desk", "2", "1", "0"), ("shelf", "1", "0", "1")]
    failure = suites.find(".//failure")
    assert (failure.get("type"), failure.get("message")) == (
        "not-rolled-back",
        "it said: ?[31m<oops>",
    )
