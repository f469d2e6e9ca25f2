"""`mpfleet release verify`, `show` and `waive`, and what an approver sees of the findings."""

import itertools
import json

import pytest

from host.cli import rig, verification
from host.rig.report import Report, Result
from host.services import releases, verifications
from host.verification.finding import FAIL, PASS, WARN, Finding

_numbers = itertools.count(1)
FOUND = [
    Finding("content", PASS, "Whole", "All is there."),
    Finding("fits", WARN, "Large", "Little room is left."),
    Finding("boots", FAIL, "Boots", "It raised.", "Traceback\nValueError: seven"),
]


@pytest.fixture
def product(signed_in, tmp_path):
    """A product of our own with release 1."""
    name = f"tried-{next(_numbers)}"
    (tmp_path / "folder/app").mkdir(parents=True)
    (tmp_path / "folder/mpfleet.json").write_text(
        json.dumps({"product": name, "boards": ["ESP32_GENERIC"]})
    )
    (tmp_path / "folder/app/main.py").write_text("async def main(board):\n    pass\n")
    assert signed_in("release", "build", tmp_path / "folder", "--upload").exit_code == 0
    return name


@pytest.fixture
def rejected(host, product):
    """The same, tried and rejected; the number of what failed."""
    with host.database.begin() as session:
        release = releases.find(session, product, 1)
        release.state = "verifying"
        job = verifications.of(session, release)
        job.state = "waiting"
        session.flush()
        verifications.take(session, "worker")
        verifications.finish(session, release.id, "worker", FOUND)
        return verifications.findings(session, release)[2].id


def test_a_rejected_release_says_why_and_exits_with_1(signed_in, product, rejected):
    result = signed_in("release", "verify", 1, "--product", product)
    assert result.exit_code == 1
    for said in (f"✗ Boots [{rejected}]", "It raised.", "| ValueError: seven", "is rejected"):
        assert said in result.output


def test_a_host_without_a_gate_says_that_nothing_was_tried(signed_in, product):
    result = signed_in("release", "verify", 1, "--product", product)
    assert (result.exit_code, "Not tried" in result.output) == (0, True)
    assert f"mpfleet approve 1 --product {product}" in result.output


def test_the_findings_are_shown_with_the_release(signed_in, product, rejected):
    shown = signed_in("release", "show", product, 1, json_=True)
    assert [one["level"] for one in shown["verification"]["findings"]] == ["pass", "warn", "fail"]
    assert "It raised." in signed_in("release", "show", product, 1).output


def test_waiving_says_who_and_why(signed_in, product, rejected):
    words = ("release", "waive", 1, rejected, "--product", product)
    assert signed_in(*words).exit_code == 2  # without a reason
    result = signed_in(*words, "--reason", "the bench has no sensor")
    assert (result.exit_code, "the bench has no sensor" in result.output) == (0, True)
    assert signed_in("release", "verify", 1, "--product", product).exit_code == 0


def test_trying_anew_is_asked_for(signed_in, product, rejected):
    result = signed_in("release", "verify", 1, "--product", product, "--retry")
    assert (result.exit_code, "Not tried" in result.output) == (0, True)


def test_a_rejected_release_is_not_approved(signed_in, product, rejected):
    result = signed_in("approve", 1, "--product", product, "--yes")
    assert (result.exit_code, "was rejected: Boots" in result.output) == (1, True)


def test_an_approver_sees_what_did_not_pass():
    found = {"findings": [
        {"id": n, "source": "gate", "waived": None, **one._asdict()} for n, one in enumerate(FOUND)
    ]}  # fmt: skip
    lines = verification.summary(found)
    assert lines[0] == "  1 checks passed"
    assert [line for line in lines if line.startswith(("!", "✗"))] == ["! Large", "✗ Boots [2]"]


def test_what_a_rig_found_is_handed_in(signed_in, host, product, config):
    results = [
        Result("bench-1", "boots", "passed", 1.0, "started after a reset"),
        Result("bench-1", "firmware-update", "skipped", 0.1, "no firmware in the rig file"),
        Result("bench-1", "bad-app", "failed", 9.0, "it stayed", "not-rolled-back"),
    ]
    rig._hand_in("default", "lab", Report(product, 1, results, False, "build/rig"))
    shown = signed_in("release", "show", product, 1, json_=True)
    found = [one for one in shown["verification"]["findings"] if one["source"] == "rig lab"]
    assert [one["level"] for one in found] == ["pass", "warn", "fail"]
    assert shown["state"] == "rejected"
