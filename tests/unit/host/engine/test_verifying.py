"""A worker takes the job that an upload leaves, and keeps what the gate says of the release."""

import threading

import pytest

from host.engine import verifying
from host.services import verifications
from host.verification.finding import FAIL, PASS, Finding


@pytest.fixture
def more():
    return {"verification": "on"}


@pytest.fixture
def waiting(release, db):
    """Release 2, whose job waits."""
    release.state = "verifying"
    db.commit()
    return release


@pytest.fixture
def work(host, monkeypatch):
    """Has a worker do one job with a gate of the test's."""

    def work(gate):
        monkeypatch.setattr(verifying.gate, "run", gate)
        monkeypatch.setattr(verifying, "_BEAT_S", 0.02)
        release_id = verifying._take(host.database, "worker")
        job = verifying.Job(
            host.settings, host.database, host.storage, "worker", release_id, threading.Event()
        )
        job.work()

    return work


@pytest.mark.parametrize(("level", "state"), ((PASS, "verified"), (FAIL, "rejected")))
def test_the_gates_word_is_kept(work, waiting, db, level, state):
    seen = []

    def gate(case, tell, is_over, hidden):
        tell("boots", 7, "on a board")
        seen.append((case.candidate.number, case.field, hidden))
        return [Finding("boots", level, "Boots", "It does, or not.")]

    work(gate)
    db.refresh(waiting)
    assert waiting.state == state
    assert [(number, field) for number, field, _ in seen] == [(2, [])]


def test_the_hosts_own_folder_is_hidden_from_it(work, waiting, host):
    seen = []
    work(lambda case, tell, is_over, hidden: seen.extend(hidden) or [])
    assert seen == [host.settings.data_folder]


def test_how_far_it_is_can_be_read_meanwhile(work, waiting, host):
    seen = []

    def gate(case, tell, is_over, hidden):
        tell("boots", 7, "on a board")
        with host.database.session() as session:
            job = verifications.of(session, waiting)
            seen.append((job.state, job.check, job.step, job.detail))
        return []

    work(gate)
    assert seen == [("running", "boots", 7, "on a board")]


def test_a_gate_that_breaks_leaves_the_job_to_the_next_worker(work, waiting, db):
    def gate(case, tell, is_over, hidden):
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        work(gate)
    assert verifications.of(db, waiting).state == "waiting"


def test_a_job_that_was_taken_away_ends(work, waiting, host, db):
    is_told = threading.Event()

    def gate(case, tell, is_over, hidden):
        with host.database.begin() as session:
            job = verifications.of(session, waiting)
            job.state, job.owner = "waiting", None
        for _ in range(500):
            if is_over():
                is_told.set()
                break
            threading.Event().wait(0.01)
        return []

    work(gate)
    db.refresh(waiting)
    assert (is_told.is_set(), waiting.state) == (True, "verifying")
