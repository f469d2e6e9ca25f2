"""The API of the gate: how far it is, what it found, waivers, and what a rig hands in."""

import pytest

from host.services import verifications
from host.verification.finding import FAIL, PASS, Finding

URL = "/api/v1/releases/blink/2"
BAD = [
    Finding("content", PASS, "Whole", "All is there."),
    Finding("boots", FAIL, "Boots", "It raised.", "Traceback …"),
]


@pytest.fixture
def more():
    return {"verification": "on"}


@pytest.fixture
def release(release, db):
    """Release 2, which waits to be tried."""
    release.state = "verifying"
    db.commit()
    return release


@pytest.fixture
def rejected(release, db):
    """The same, tried and rejected; the id of what failed."""
    verifications.take(db, "worker")
    verifications.finish(db, release.id, "worker", BAD)
    db.commit()
    return verifications.findings(db, release)[1].id


def test_how_far_it_is_is_told(client, alice, release, db):
    verifications.take(db, "worker")
    verifications.beat(db, release.id, "worker", "boots", 7, "on a board")
    db.commit()
    told = client.get(f"{URL}/verification", headers=alice.headers).json
    assert (told["state"], told["findings"]) == ("verifying", [])
    job = told["job"]
    assert (job["state"], job["check"], job["step"], job["steps"], job["detail"]) == (
        "running", "boots", 7, 10, "on a board",
    )  # fmt: skip


def test_findings_are_told_with_their_logs(client, alice, rejected):
    told = client.get(f"{URL}/verification", headers=alice.headers).json
    failed = told["findings"][1]
    assert (told["state"], failed["id"], failed["log"]) == ("rejected", rejected, "Traceback …")
    assert (failed["level"], failed["source"], failed["waived"]) == ("fail", "gate", None)


def test_it_can_be_tried_anew(client, alice, rejected):
    answer = client.post(f"{URL}/verification", headers=alice.headers)
    assert (answer.status_code, answer.json["state"]) == (202, "verifying")
    assert answer.json["job"]["state"] == "waiting"


def test_an_admin_waives(client, admin, rejected):
    url = f"{URL}/findings/{rejected}/waive"
    answer = client.post(url, json={"reason": "only in simulation"}, headers=admin.headers)
    assert (answer.status_code, answer.json["state"]) == (200, "verified")
    waived = answer.json["findings"][1]["waived"]
    assert (waived["by"], waived["reason"]) == (admin.email, "only in simulation")


@pytest.mark.parametrize("body", ({}, {"reason": " "}, {"reason": "x" * 201}))
def test_a_waiver_needs_a_reason(client, admin, rejected, body):
    answer = client.post(f"{URL}/findings/{rejected}/waive", json=body, headers=admin.headers)
    assert (answer.status_code, answer.json["error"]) == (400, "bad-request")


def test_an_unknown_finding_is_not_found(client, admin, rejected):
    answer = client.post(
        f"{URL}/findings/9999/waive", json={"reason": "because"}, headers=admin.headers
    )
    assert answer.status_code == 404


GIVEN = {"check": "boots", "level": "fail", "title": "boots on bench-1", "sentence": "It did not."}


def test_a_rig_hands_its_findings_in(client, alice, release):
    value = {"source": "bench", "findings": [GIVEN]}
    answer = client.post(f"{URL}/findings", json=value, headers=alice.headers)
    assert answer.status_code == 201
    [found] = answer.json["findings"]
    assert (found["source"], found["title"]) == ("rig bench", "boots on bench-1")


ODD = (
    {"source": "bench"},
    {"source": "bench", "findings": []},
    {"source": "bench", "findings": ["x"]},
    {"source": "bench", "findings": [{**GIVEN, "level": "great"}]},
    {"source": "bench", "findings": [{**GIVEN, "title": ""}]},
    {"source": "bench", "findings": [GIVEN] * 201},
    {"source": "", "findings": [GIVEN]},
    {"findings": [GIVEN]},
)


@pytest.mark.parametrize("value", ODD)
def test_odd_findings_are_refused(client, alice, release, value, db):
    answer = client.post(f"{URL}/findings", json=value, headers=alice.headers)
    assert (answer.status_code, answer.json["error"]) == (400, "bad-request")
    assert verifications.findings(db, release) == []

