"""How reports move an assignment, and what makes it an event."""

from datetime import UTC, datetime, timedelta

import pytest
from host_samples import DEVICE_ID, SECRET, make_device

from host.models import Event
from host.services import assignments, presence, registration, reports


@pytest.fixture
def offered(db, device, release):
    """Release 2, offered to Alice's board."""
    return assignments.assign(db, [device], release, "alice@example.com")[0]


@pytest.fixture
def tell(db, host, device, offered):
    """The board reports; the assignment's state and reason afterwards."""
    keys = (f"{number:016x}" for number in range(100))

    def tell(outcome, reason=None, **fields):
        said = {"key": next(keys), "kind": "update", "assignment": offered.id, "number": 2}
        said.update(outcome=outcome, reason=reason, **fields)
        reports.accept(db, host.settings, device, [said])
        return offered.state, offered.reason

    return tell


CLOCKS = {  # seconds since 2020 at each of two assignments → their numbers
    "goes on": ((1000, 2000), [1000, 2000]),
    "same second": ((1000, 1000), [1000, 1001]),
    "went back": ((1000, 5), [1000, 1001]),
}


@pytest.mark.parametrize(("clock", "numbers"), CLOCKS.values(), ids=CLOCKS)
def test_numbers_of_assignments_rise_with_the_clock(db, device, release, clock, numbers):
    moments = [datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=n) for n in clock]
    made = [assignments.assign(db, [device], release, "alice", now=now)[0] for now in moments]
    assert [one.id for one in made] == numbers


OUTCOMES = (
    ("done", None, ("done", None)),
    ("failed", "app-raised", ("failed", "app-raised")),
    ("failed", "no-contact", ("offered", "no-contact")),
    ("failed", "lost-contact", ("failed", "lost-contact")),
    ("refused", "no-space", ("refused", "no-space")),
    ("interrupted", "interrupted", ("offered", "interrupted")),
    ("perhaps", None, ("offered", None)),
    (None, None, ("offered", None)),
)


@pytest.mark.parametrize(("outcome", "reason", "state"), OUTCOMES)
def test_an_outcome_moves_the_assignment(tell, outcome, reason, state):
    assert tell(outcome, reason) == state


def test_bad_luck_leaves_it_offered_three_times_at_most(tell):
    states = [
        tell(*said)[0] for said in (("interrupted",), ("failed", "no-contact"), ("interrupted",))
    ]
    assert states == ["offered", "offered", "failed"]


def say(db, host, device, number, **said):
    presence.status(db, DEVICE_ID, {"online": True, "number": number, "mode": "active"} | said)


def register(db, host, device, number):
    board = {"id": DEVICE_ID, "secret": SECRET, "product": "blink", "number": number}
    registration.register(db, host.settings, board, "192.0.2.1")


def report(db, host, device, number, **said):
    item = {"key": "f" * 16, "kind": "app", "reason": "app-raised", "running": number}
    reports.accept(db, host.settings, device, [item | said])


# What a board says elsewhere of the release that it runs; its report that says `done` was lost.
WORDS = {
    "status": (say, {}),
    "status in update mode": (say, {"mode": "update"}),
    "registration": (register, {}),
    "another report": (report, {}),
}


@pytest.mark.parametrize(("word", "fields"), WORDS.values(), ids=WORDS)
@pytest.mark.parametrize("state", ("offered", "started", "lost"))
def test_a_board_that_runs_the_release_took_it(db, host, device, offered, state, word, fields):
    offered.state, device.progress = state, {"step": "commit"}
    word(db, host, device, 2, **fields)
    ended = (offered.state, offered.reason, device.number, device.progress)
    assert ended == ("done", None, 2, None)


@pytest.mark.parametrize("number", (0, 1, 3))
@pytest.mark.parametrize(("word", "fields"), WORDS.values(), ids=WORDS)
def test_a_board_that_runs_another_did_not(db, host, device, offered, number, word, fields):
    word(db, host, device, number, **fields)
    assert offered.state == "offered"


def test_a_board_on_trial_has_not_taken_it(db, host, device, offered):
    say(db, host, device, 2, mode="trial")
    assert (offered.state, device.number) == ("started", None)


def test_the_same_number_of_another_product_is_another_release(db, host, device, offered):
    device.product = "thermostat"
    say(db, host, device, 2)
    assert offered.state == "offered"


@pytest.mark.parametrize("state", ("superseded", "failed", "refused"))
def test_what_ended_otherwise_is_for_reports_to_say(db, host, device, offered, state):
    offered.state, offered.reason = state, "away"
    say(db, host, device, 2)
    assert offered.state == state


def test_a_report_that_it_failed_outweighs_the_number_in_it(tell):
    assert tell("failed", "app-raised", running=2) == ("failed", "app-raised")


def test_the_report_that_comes_after_all_changes_nothing(db, host, device, offered, tell):
    say(db, host, device, 2)
    tell("done", running=2)
    told = [event.what for event in db.query(Event).order_by("id")]
    assert (offered.state, told[-2:]) == ("done", ["assigned", "committed"])


def test_what_is_over_stays_as_it_is(tell):
    tell("failed", "app-raised")
    assert tell("done") == ("failed", "app-raised")


def test_a_report_from_the_past_moves_its_own_assignment_only(db, device, release, tell, offered):
    newer = assignments.assign(db, [device], release, "alice")[0]
    assert (tell("failed", "app-raised"), newer.state) == (("failed", "app-raised"), "offered")


def test_bad_luck_of_the_past_opens_nothing_again(db, device, release, tell, offered):
    assignments.assign(db, [device], release, "alice")
    assert tell("interrupted", "interrupted") == ("superseded", "release-2")


def test_a_report_that_comes_twice_counts_once(db, host, device, offered):
    said = {"key": "0" * 16, "kind": "update", "outcome": "interrupted", "assignment": offered.id}
    for _ in range(2):
        reports.accept(db, host.settings, device, [said])
    assert offered.interruptions == 1


@pytest.mark.parametrize("number", (1, 2**31 - 1), ids=str)
def test_a_report_for_an_assignment_that_never_was_changes_none(db, host, device, offered, number):
    said = {"key": "0" * 16, "kind": "update", "outcome": "done", "assignment": number}
    reports.accept(db, host.settings, device, [said])
    assert offered.state == "offered"


def test_steps_out_of_order_end_where_the_report_says(db, device, tell, offered):
    for step in ("trial", "stage", "seal"):
        assignments.follow(db, device, 2, step)
    assert (tell("done"), assignments.stage(offered)) == (("done", None), "committed")


def test_a_step_after_the_end_opens_nothing_again(db, device, tell, offered):
    tell("done")
    assignments.follow(db, device, 2, "stage")
    assert offered.state == "done"


def test_anothers_assignment_stays_as_it_is(db, host, offered, bob):
    other = make_device(db, bob, "24a160000002")
    said = {"key": "0" * 16, "kind": "update", "outcome": "done", "assignment": offered.id}
    reports.accept(db, host.settings, other, [said])
    assert offered.state == "offered"


def test_a_report_of_an_app_moves_nothing(tell, offered):
    assert tell("done", kind="app") == ("offered", None)


def test_an_outcome_ends_the_progress(db, device, tell):
    presence.progress(db, DEVICE_ID, {"number": 2, "step": "stage", "done": 1, "total": 2})
    assert device.progress["step"] == "stage"
    tell("done")
    assert device.progress is None


def test_each_change_is_an_event(db, tell):
    tell("failed", "app-raised")
    events = [(event.who, event.what, event.why) for event in db.query(Event).order_by("id")]
    assert events[-2:] == [
        ("alice@example.com", "assigned", "release 2"),
        (f"device {DEVICE_ID}", "rolled-back", "release 2: app-raised"),
    ]


@pytest.mark.parametrize("more", ({"reports_kept": 3},))
def test_only_the_newest_reports_are_kept(db, tell, device):
    for _ in range(5):
        tell(None)
    assert [one.key[-1] for one in reports.of(db, device)] == ["4", "3", "2"]


@pytest.mark.parametrize(("number", "state"), ((2, "started"), (3, "offered")))
def test_progress_starts_the_assignment_of_its_number(db, offered, number, state):
    presence.progress(db, DEVICE_ID, {"number": number, "step": "plan", "done": 0, "total": 9})
    assert offered.state == state
