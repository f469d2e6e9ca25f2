"""Rollouts on a database: asked for, moved on by the engine, stopped, and told by boards."""

from datetime import timedelta

import pytest
from host_samples import DEVICE_ID, PASSPHRASE, make_device, make_user

from host.engine.rolling import Rolling
from host.errors import HostError
from host.metadata import changes
from host.models import Assignment, Event, Outbox, User
from host.rollouts.decide import Offer
from host.rollouts.member import PAUSED
from host.services import (
    assignments,
    members,
    proposals,
    reports,
    rolling,
    rollouts,
    withdrawal,
)
from host.services.clock import utc

PLAN = {"canary": 1, "waves": [100], "soak_s": 0, "failures": 2, "failure_rate": 100}
IDS = [f"24a1600000{n:02x}" for n in range(6)]


@pytest.fixture(autouse=True)
def _founded(trusted_host):
    """A fleet with keys."""


@pytest.fixture
def owner(db, alice):
    """Alice, as a person of the database."""
    return db.get(User, alice.id)


@pytest.fixture
def ada(db, approver):
    return db.get(User, approver.id)


@pytest.fixture
def fleet(db, alice):
    """Six boards of Alice's, online, that run release 1."""
    return [make_device(db, alice, one, number=1, online=True) for one in IDS]


@pytest.fixture
def approved(db, host, release, ada):
    """Release 2, approved."""
    proposal = proposals.propose(db, host.trust, ada, "approve", product="blink", number=2)
    proposals.sign_held(db, host.settings, host.trust, proposal, ada, PASSPHRASE)
    db.commit()
    return release


@pytest.fixture
def start(db, host, owner, approved):
    """Makes a rollout of release 2."""

    def start(target=None, now=None, **plan):
        made = rollouts.draft(db, owner, approved, target or {}, {**PLAN, **plan})
        rollout = rollouts.create(db, made, owner, now=now)
        db.commit()
        return rollout

    return start


@pytest.fixture
def roll(db, host):
    """Lets the engine work once."""

    def roll(now=None):
        db.commit()
        Rolling(host.database).work(now or utc())
        db.expire_all()

    return roll


@pytest.fixture
def tell(db, host):
    """A board reports how its newest assignment ended."""
    keys = (f"{number:016x}" for number in range(1000))

    def tell(device_id, outcome="done", reason=None, **more):
        one = assignments.newest(db, [device_id])[device_id]
        said = {"key": next(keys), "kind": "update", "assignment": one.id, "outcome": outcome,
                "number": 2, "reason": reason, "running": 1 + (outcome == "done")}  # fmt: skip
        reports.accept(db, host.settings, one.device, [{**said, **more}])
        db.commit()

    return tell


def test_a_device_whose_firmware_is_newer_by_now_has_no_turn(db, fleet, approved, start, roll):
    brought = {"ESP32_GENERIC": {"micropython": "v1.25.0"}}
    approved.parts = {**approved.parts, "firmware": brought}
    rollout = start(canary=0)
    fleet[0].firmware = "v1.26.0"
    roll()
    states = {one.device: one.state for one, _ in members.places(db, rollout, utc())}
    assert (states[IDS[0]], offered(db)) == ("out", IDS[1:])


def offered(db):
    found = db.query(Assignment).filter(Assignment.state == "offered")
    return sorted(one.device_id for one in found)


def refusal(call, *arguments, **more):
    with pytest.raises(HostError) as caught:
        call(*arguments, **more)
    return caught.value.code


def states(db, rollout):
    return {one.device: one.state for one in members.members(db, rollout, utc())}


def test_a_canary_then_the_rest_then_it_is_finished(db, fleet, start, roll, tell):
    rollout = start()
    roll()
    (canary,) = offered(db)
    tell(canary)
    roll()
    rest = offered(db)
    assert sorted([canary, *rest]) == IDS
    for one in rest:
        tell(one)
    roll()
    assert (rollout.state, rollout.why) == ("finished", "complete")


def test_each_step_is_an_event(db, fleet, start, roll, tell):
    rollout = start(target={"devices": IDS[:1]}, canary=0)
    roll()
    tell(IDS[0])
    roll()
    said = [(e.who, e.what) for e in db.query(Event).filter_by(subject=rollout.subject)]
    of_board = [e.what for e in db.query(Event).filter_by(subject=f"device {IDS[0]}")]
    assert said == [("alice@example.com", "created"), ("host", "wave-done"), ("host", "finished")]
    assert of_board == ["assigned", "committed"]


def test_boards_are_called_once(db, fleet, start, roll):
    start(canary=0)
    roll()
    roll()
    assert sorted(one.device_id for one in db.query(Outbox)) == IDS


def test_failures_pause_it_and_take_back_what_nobody_began(db, fleet, start, roll, tell):
    rollout = start(canary=0)
    roll()
    tell(IDS[0], "failed", "app-raised")
    tell(IDS[1], "refused", "no-space")
    roll()
    assert (rollout.state, rollout.why, offered(db)) == ("paused", "failures", [])
    assert states(db, rollout)[IDS[2]] == "waiting"


def test_a_board_that_did_it_after_its_offer_was_taken_back_has_done_it(
    db, host, fleet, start, roll, tell, owner
):
    rollout = start(canary=0)
    roll()
    rollouts.act(db, rollout, "pause", owner)
    tell(IDS[3])
    assert states(db, rollout)[IDS[3]] == "done"


def test_going_on_forgives_the_failures_and_retrying_offers_again(
    db, host, fleet, start, roll, tell, owner
):
    rollout = start(target={"devices": IDS[:2]}, canary=0, failures=1)
    roll()
    tell(IDS[0], "failed", "app-raised")
    tell(IDS[1])
    roll()
    rollouts.act(db, rollout, "resume", owner, now=utc() + timedelta(seconds=1))
    roll(utc() + timedelta(seconds=2))
    assert (rollout.state, offered(db)) == ("finished", [])
    rollouts.act(db, rollout, "retry", owner)
    roll()
    assert (rollout.state, offered(db)) == ("running", [IDS[0]])


def test_promoting_begins_the_next_wave_now(db, host, fleet, start, roll, owner):
    rollout = start()
    rollouts.act(db, rollout, "promote", owner)
    roll()
    assert offered(db) == IDS
    assert refusal(rollouts.act, db, rollout, "promote", owner) == "rollout-state"


def test_aborting_takes_back_what_nobody_began_and_lets_the_rest_end(
    db, host, fleet, start, roll, owner
):
    rollout = start(canary=0)
    roll()
    begun = fleet[0]
    assignments.follow(db, begun, 2, "stage")
    rollouts.act(db, rollout, "abort", owner, "wrong week")
    roll()
    left = {one.device_id: one.state for one in db.query(Assignment)}
    assert (rollout.state, rollout.why) == ("aborted", "wrong week")
    assert left == {**dict.fromkeys(IDS, "superseded"), begun.id: "started"}


def test_withdrawing_the_release_ends_it_at_once(db, host, fleet, start, roll, approved, ada):
    rollout = start()
    roll()
    withdrawal.withdraw(db, host.trust, approved, ada, "drains the battery")
    assert (rollout.state, rollout.why, offered(db)) == ("aborted", "withdrawn", [])


def test_the_engine_decides_anew_after_a_person_did(db, host, fleet, start, owner):
    rollout = start(canary=0)
    from host.rollouts.decide import decide
    from host.services import rolling

    where, found = members.look(db, rollout, utc())
    decided, revision = decide(where, found, utc()), rollout.revision
    rollouts.act(db, rollout, "pause", owner)
    assert rolling.carry_out(db, rollout.id, revision, decided, utc()) is None
    assert offered(db) == []


def test_a_person_who_assigns_comes_first(db, fleet, start, roll, approved):
    rollout = start(canary=0)
    roll()
    assignments.assign(db, [fleet[0]], approved, "alice")
    roll()
    open_ = db.query(Assignment).filter(Assignment.state.in_(("offered", "started"))).count()
    assert (states(db, rollout)[IDS[0]], open_) == ("out", 6)


def test_of_two_rollouts_the_newer_has_the_device(db, fleet, start, roll):
    older = start(canary=0)
    roll()
    assignments.follow(db, fleet[0], 2, "stage")
    newer = start(target={"devices": IDS[:2]}, canary=0)
    roll()
    roll()
    by = {one.device_id: one.rollout_id for one in db.query(Assignment).filter_by(state="offered")}
    assert (by[IDS[1]], by[IDS[2]]) == (newer.id, older.id)
    begun = assignments.opened(db, IDS[0])
    assert (begun.rollout_id, begun.state) == (older.id, "started")  # what was begun may end


def test_a_newer_rollout_that_has_not_started_takes_nothing_over(db, fleet, start, roll):
    older = start(canary=0)
    start(canary=0, starts_at="2126-01-01T00:00Z")
    roll()
    assert {one.rollout_id for one in db.query(Assignment)} == {older.id}


def test_who_failed_with_a_release_is_not_offered_it_by_another_rollout(
    db, host, fleet, start, roll, tell, owner
):
    start(target={"devices": IDS[:1]}, canary=0)
    roll()
    tell(IDS[0], "failed", "app-raised")
    again = start(target={"devices": IDS[:2]}, canary=0)
    roll()
    before = offered(db)
    rollouts.act(db, again, "retry", owner)
    roll()
    assert (before, offered(db)) == ([IDS[1]], IDS[:2])


def test_who_failed_in_the_newer_of_two_rollouts_is_not_offered_it_by_the_older(
    db, fleet, start, roll, tell, owner
):
    older = start(canary=0)
    newer = start({"devices": [IDS[0]]}, canary=0)
    roll()
    tell(IDS[0], "failed", "app-raised")
    rollouts.act(db, newer, "abort", owner)
    roll()
    assert IDS[0] not in offered(db)
    assert states(db, older)[IDS[0]] == "out"


def test_who_failed_with_what_a_person_assigned_is_not_offered_it_by_a_rollout(
    db, fleet, start, roll, tell, approved
):
    start(canary=0)
    assignments.assign(db, fleet[:1], approved, "a@x")
    tell(IDS[0], "failed", "app-raised")
    roll()
    assert offered(db) == IDS[1:]


def test_who_failed_after_its_offer_was_decided_on_is_not_offered_it(
    db, fleet, start, roll, tell
):
    rollout = start(canary=0)
    roll()
    rolling.end_offers(db, rollout, PAUSED, utc())
    tell(IDS[0], "failed", "app-raised")  # late: the rollout believes it is waiting
    rolling.carry_out(db, rollout.id, rollout.revision, [Offer(IDS[0]), Offer(IDS[1])], utc())
    assert offered(db) == [IDS[1]]


def test_bad_luck_is_offered_again_three_times_at_most_and_does_not_count(
    db, fleet, start, roll, tell
):
    rollout = start(target={"devices": IDS[:2]}, canary=0, failures=1)
    roll()
    for reason in ("no-contact", "interrupted", "no-contact"):
        assert IDS[0] in offered(db)
        tell(IDS[0], "failed", reason)
        roll()
    tell(IDS[1])
    roll()
    assert (offered(db), rollout.state) == ([], "finished")


def test_contact_that_only_the_release_lost_counts(db, fleet, start, roll, tell):
    rollout = start(canary=0, failures=1)
    roll()
    tell(IDS[0], "failed", "lost-contact")
    roll()
    assert rollout.state == "paused"


def test_silence_after_it_began_is_lost_and_its_late_report_is_heard(
    db, fleet, start, roll, tell
):
    rollout = start(target={"devices": IDS[:2]}, canary=0, failures=1)
    roll()
    assignments.follow(db, fleet[0], 2, "stage")
    fleet[0].online, fleet[0].last_seen_at = False, utc()
    roll(utc() + timedelta(hours=3))
    assert (assignments.newest(db, IDS[:1])[IDS[0]].state, rollout.state) == ("lost", "paused")
    tell(IDS[0])
    assert states(db, rollout)[IDS[0]] == "done"


def test_a_lost_board_that_is_back_before_it_tried_is_offered_it_again(
    db, fleet, start, roll, tell
):
    start(target={"devices": IDS[:2]}, canary=0)
    roll()
    assignments.follow(db, fleet[0], 2, "stage")
    fleet[0].online, fleet[0].last_seen_at = False, utc()
    roll(utc() + timedelta(hours=3))
    lost = assignments.newest(db, IDS[:1])[IDS[0]].state
    fleet[0].online, fleet[0].last_seen_at = True, utc() + timedelta(hours=4)
    roll(utc() + timedelta(hours=4))
    again = assignments.newest(db, IDS[:1])[IDS[0]]
    assert (lost, again.state, again.interruptions) == ("lost", "offered", 1)


def test_a_lost_board_that_had_no_power_has_another_turn(db, fleet, start, roll, tell):
    rollout = start(target={"devices": IDS[:2]}, canary=0)
    roll()
    assignments.follow(db, fleet[0], 2, "stage")
    fleet[0].online, fleet[0].last_seen_at = False, utc()
    roll(utc() + timedelta(hours=3))
    tell(IDS[0], "interrupted", "interrupted")
    assert states(db, rollout)[IDS[0]] == "waiting"
    assert assignments.newest(db, IDS[:1])[IDS[0]].interruptions == 1


def test_a_device_given_to_somebody_else_is_out(db, fleet, start):
    rollout = start()
    fleet[0].owned_since = utc() + timedelta(seconds=1)
    db.flush()
    assert states(db, rollout)[IDS[0]] == "out"


def test_a_board_that_is_being_worked_on_is_left_alone(db, fleet, start):
    rollout = start()
    fleet[0].number, fleet[0].mode, fleet[0].slot = 0, "active", "a"
    db.flush()
    assert states(db, rollout)[IDS[0]] == "out"


TARGETS = (
    ({}, IDS),
    ({"devices": IDS[2:4]}, IDS[2:4]),
    ({"tags": ["near"]}, IDS[:2]),
    ({"tags": ["near", "wet"]}, IDS[:3]),
    ({"tags": ["near"], "devices": IDS[1:]}, IDS[1:2]),
)


@pytest.mark.parametrize(("target", "ids"), TARGETS, ids=str)
def test_a_target_is(db, host, fleet, owner, approved, target, ids):
    for one in fleet[:2]:
        one.tags = ["near", "dry"]
    fleet[2].tags = ["wet"]
    db.flush()
    made = rollouts.draft(db, owner, approved, target, PLAN)
    assert sorted(one for wave in made.waves for one in wave) == ids


def test_a_percentage_is_of_the_target(db, host, fleet, owner, approved):
    made = rollouts.draft(db, owner, approved, {"percent": 50}, PLAN)
    assert [len(wave) for wave in made.waves] == [1, 2]


def test_a_target_may_be_a_group(db, host, fleet, owner, approved):
    from host.services import groups

    group = groups.create(db, "greenhouse", "admin")
    groups.add(db, group, owner.email, "admin")
    fleet[0].owner_id, fleet[0].group_id = None, group.id
    db.flush()
    made = rollouts.draft(db, owner, approved, {"group": "greenhouse"}, PLAN)
    assert made.waves == [[IDS[0]], []]


def bad(**more):
    return {"target": {}, "plan": {}, **more}


BAD = {
    "no devices": (bad(target={"tags": ["none"]}), "no-devices"),
    "an empty list": (bad(target={"devices": []}), "bad-request"),
    "somebody else's": (bad(target={"devices": ["24a1600000ff"]}), "not-found"),
    "no such group": (bad(target={"group": "x"}), "not-found"),
    "a stray target": (bad(target={"colour": "red"}), "bad-request"),
    "percent over 100": (bad(target={"percent": 101}), "bad-request"),
    "tags no list": (bad(target={"tags": "near"}), "bad-request"),
    "waves that do not add up": (bad(plan={"waves": [1, 2]}), "bad-request"),
    "no canary with the tag": (bad(plan={"canary_tag": "near"}), "no-devices"),
}


@pytest.mark.parametrize(("given", "word"), BAD.values(), ids=BAD)
def test_what_cannot_be_is_refused(db, host, fleet, owner, approved, given, word):
    arguments = db, owner, approved, given["target"], given["plan"]
    assert refusal(rollouts.draft, *arguments) == word


def test_a_release_of_another_product_is_refused(db, host, owner, alice, approved):
    make_device(db, alice, "24a160000077", product="pump")
    arguments = db, owner, approved, {"devices": ["24a160000077"]}, PLAN
    assert refusal(rollouts.draft, *arguments) == "wrong-product"


def test_an_unapproved_release_is_refused(db, host, fleet, owner, release):
    release.state = "verified"
    assert refusal(rollouts.draft, db, owner, release, {}, PLAN) == "not-approved"


def test_a_withdrawn_release_is_refused(db, host, fleet, owner, approved, ada):
    withdrawal.withdraw(db, host.trust, approved, ada, "bad")
    assert refusal(rollouts.draft, db, owner, approved, {}, PLAN) == "withdrawn"


def test_somebody_elses_rollout_does_not_exist(db, fleet, start):
    rollout = start()
    bob = db.get(User, make_user(db, "bob@example.com", "approver").id)
    assert refusal(rollouts.find, db, bob, rollout.id) == "not-found"
    assert rollouts.mine(db, bob) == []


def test_making_room_for_others_keeps_the_release_of_a_rollout(
    db, host, upload, start, fleet, ada, monkeypatch
):
    start(starts_at="2126-01-01T00:00Z")
    upload(3)
    kept = set()
    monkeypatch.setattr(changes, "removals", lambda _, __, used: kept.update(used) or ())
    proposals.draft(db, host.trust, ada, "approve", product="blink", number=3)
    assert kept == {"blink/1.json", "blink/2.json"}


def test_a_round_of_the_engine_survives_a_database_that_is_away(host, caplog):
    class Away:
        def look(self):
            from sqlalchemy.exc import OperationalError

            raise OperationalError("", {}, Exception("away"))

    Rolling(Away()).work(utc())
    assert "could not be looked after" in caplog.text


def test_events_are_only_ever_added(db, device):
    from sqlalchemy.exc import IntegrityError

    from host.services import events

    events.add(db, "alice", f"device {DEVICE_ID}", "renamed")
    db.commit()
    for change in (lambda one: setattr(one, "who", "bob"), db.delete):
        change(db.query(Event).filter_by(what="renamed").one())
        with pytest.raises(IntegrityError, match="only ever added"):
            db.flush()
        db.rollback()


def test_a_rollout_that_cannot_be_looked_after_holds_no_other_up(
    db, host, fleet, start, caplog
):
    broken, whole = start(), start(target={"devices": IDS[:1]}, canary=0)
    broken.plan = {"waves": []}
    db.commit()
    assert Rolling(host.database).work(utc()) is False
    assert (offered(db), f"rollout {broken.id} could not be" in caplog.text) == (IDS[:1], True)
    assert whole.state == "running"
