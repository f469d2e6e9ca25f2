"""The gate's part of a release's life: jobs, findings, waivers, and what may follow."""

from datetime import timedelta

import pytest
from host_samples import make_user

from host.errors import HostError
from host.models import Event
from host.services import assignments, proposals, verifications, withdrawal
from host.services.clock import utc
from host.verification.finding import FAIL, PASS, WARN, Finding

NOW = utc()
GOOD = [Finding("content", PASS, "Whole", "It is."), Finding("fits", WARN, "Large", "It is.")]
BAD = [*GOOD, Finding("boots", FAIL, "Does not boot", "It raised.", "Traceback")]


@pytest.fixture
def more():
    return {"verification": "on"}


@pytest.fixture
def release(trusted_host, release, db):
    """Release 2 as it is after its upload."""
    release.state = "verifying"
    db.commit()
    return release


@pytest.fixture
def ada(db):
    user = make_user(db, "ada@example.com", "admin")
    from host.models import User

    return db.get(User, user.id)


def tried(db, release, made):
    assert verifications.take(db, "one", now=NOW).release_id == release.id
    assert verifications.finish(db, release.id, "one", made, now=NOW)


def whats(db, release):
    subject = f"release blink/{release.number}"
    return [one.what for one in db.query(Event).filter_by(subject=subject).order_by(Event.id)]


def test_an_uploaded_release_waits_to_be_tried(db, release):
    job = verifications.of(db, release)
    assert (job.state, job.attempts, release.state) == ("waiting", 0, "verifying")


@pytest.mark.parametrize(("made", "state"), ((GOOD, "verified"), (BAD, "rejected")))
def test_findings_decide_what_becomes_of_it(db, release, made, state):
    tried(db, release, made)
    assert (release.state, verifications.of(db, release).state) == (state, "done")
    assert [one.title for one in verifications.findings(db, release)] == [m.title for m in made]
    assert whats(db, release)[-1] == state


def test_a_job_is_taken_once(db, release):
    assert verifications.take(db, "one", now=NOW) is not None
    assert verifications.take(db, "two", now=NOW) is None


def test_a_worker_that_died_is_followed(db, release):
    verifications.take(db, "one", now=NOW)
    later = NOW + timedelta(seconds=verifications.LEASE_S + 1)
    assert verifications.take(db, "two", now=later).owner == "two"
    assert not verifications.beat(db, release.id, "one", now=later)
    assert not verifications.finish(db, release.id, "one", GOOD, now=later)
    assert release.state == "verifying"


def test_a_worker_that_is_known_to_be_dead_is_followed_at_once(db, release):
    verifications.take(db, "one", now=NOW)
    assert verifications.take(db, "two", lambda owner: owner == "one", now=NOW).owner == "two"


def test_a_sign_of_life_keeps_the_job(db, release):
    verifications.take(db, "one", now=NOW)
    later = NOW + timedelta(seconds=verifications.LEASE_S)
    assert verifications.beat(db, release.id, "one", "boots", 7, "from release 1", now=later)
    assert verifications.take(db, "two", now=later + timedelta(seconds=1)) is None
    job = verifications.of(db, release)
    assert (job.check, job.step, job.detail) == ("boots", 7, "from release 1")


def test_a_release_that_three_workers_died_over_is_rejected(db, release):
    for n in range(4):
        verifications.take(db, f"worker {n}", now=NOW + timedelta(minutes=n))
    assert release.state == "rejected"
    assert "did not survive" in verifications.findings(db, release)[0].title


def test_a_worker_that_is_told_to_end_leaves_the_job_to_the_next(db, release):
    verifications.take(db, "one", now=NOW)
    verifications.leave(db, release.id, "one")
    job = verifications.take(db, "two", now=NOW)
    assert (job.owner, job.attempts) == ("two", 1)


def test_a_withdrawn_release_is_not_tried_on(db, host, release, ada):
    verifications.take(db, "one", now=NOW)
    withdrawal.withdraw(db, host.trust, release, ada, "wrong file")
    assert not verifications.beat(db, release.id, "one", now=NOW)
    verifications.finish(db, release.id, "one", GOOD, now=NOW)
    assert release.state == "withdrawn"


def approve(db, host, user):
    return proposals.propose(db, host.trust, user, "approve", product="blink", number=2)


def test_what_is_still_being_tried_is_not_approved(db, host, release, ada):
    with pytest.raises(HostError, match="still being tried") as refused:
        approve(db, host, ada)
    assert refused.value.code == "not-verified"


def test_a_rejected_release_is_not_approved(db, host, release, ada):
    tried(db, release, BAD)
    with pytest.raises(HostError, match="Does not boot") as refused:
        approve(db, host, ada)
    assert refused.value.code == "rejected"


def test_a_proposal_is_not_signed_once_something_failed(db, host, release, ada):
    tried(db, release, GOOD)
    proposal = approve(db, host, ada)
    verifications.hand_in(db, release, "rig bench", BAD, ada)
    with pytest.raises(HostError) as refused:
        proposals.sign(db, host.trust, proposal, ada, [], proposal.base)
    assert (refused.value.code, release.state) == ("rejected", "rejected")


def test_an_admin_waives_a_finding_with_a_reason_on_the_record(db, host, release, ada):
    tried(db, release, BAD)
    failed = verifications.findings(db, release)[-1]
    verifications.waive(db, release, failed.id, ada, "the sensor is away", now=NOW)
    assert (failed.waived_by, failed.waived_why, failed.waived_at) == (
        ada.email, "the sensor is away", NOW,
    )  # fmt: skip
    assert release.state == "verified"
    assert whats(db, release)[-2:] == ["waived", "verified"]
    assert approve(db, host, ada).state == "open"


@pytest.mark.parametrize("role", ("viewer", "operator", "approver"))
def test_nobody_else_waives(db, release, role):
    from host.models import User

    tried(db, release, BAD)
    user = db.get(User, make_user(db, "eve@example.com", role).id)
    failed = verifications.findings(db, release)[-1]
    with pytest.raises(HostError, match="may not do this"):
        verifications.waive(db, release, failed.id, user, "because")
    assert (failed.waived_at, release.state) == (None, "rejected")


def test_what_did_not_fail_is_not_waived(db, release, ada):
    tried(db, release, BAD)
    warned = verifications.findings(db, release)[1]
    with pytest.raises(HostError, match="Only a failed finding"):
        verifications.waive(db, release, warned.id, ada, "because")


def test_a_waiver_ends_with_the_next_trial(db, host, release, ada):
    tried(db, release, BAD)
    verifications.waive(db, release, verifications.findings(db, release)[-1].id, ada, "because")
    verifications.again(db, host.settings, release, ada)
    assert (release.state, verifications.findings(db, release)) == ("verifying", [])
    tried(db, release, BAD)
    assert release.state == "rejected"


@pytest.mark.parametrize(
    ("state", "code"),
    (("draft", "not-ready"), ("approved", "signed-already"), ("withdrawn", "withdrawn")),
)
def test_what_cannot_be_tried_anew_stays_as_it_is(db, host, release, ada, state, code):
    release.state = state
    with pytest.raises(HostError) as refused:
        verifications.again(db, host.settings, release, ada)
    assert (refused.value.code, release.state) == (code, state)


def test_what_a_rig_found_stands_beside_and_counts(db, release, ada):
    tried(db, release, GOOD)
    verifications.hand_in(db, release, "rig bench", BAD[2:], ada)
    verifications.hand_in(db, release, "rig bench", BAD[2:], ada)  # again: in place of the first
    found = [(one.source, one.level) for one in verifications.findings(db, release)]
    assert found == [("gate", "pass"), ("gate", "warn"), ("rig bench", "fail")]
    assert release.state == "rejected"


@pytest.mark.parametrize("state", ("verifying", "verified", "rejected"))
def test_only_what_is_approved_is_assigned(db, release, device, state):
    release.state = state
    with pytest.raises(HostError, match="mpfleet approve 2") as refused:
        assignments.assign(db, [device], release, "alice")
    assert refused.value.code == "not-approved"


def test_what_boards_run_or_are_to_run_is_in_the_field(db, release, upload, device):
    for number in (3, 4, 5):
        upload(number)
    from host.services import releases

    device.number = 3
    four, five = (releases.find(db, "blink", number) for number in (4, 5))
    four.state = "approved"
    assignments.assign(db, [device], four, "alice")
    assert [one.number for one in verifications.field(db, five)] == [3, 4]
