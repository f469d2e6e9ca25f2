"""Rollouts, failures and events over the API."""

import pytest
from host_samples import PASSPHRASE, make_device, make_user

from host.models import Event, User
from host.services import assignments, proposals, reports

IDS = [f"24a1600000{n:02x}" for n in range(4)]
ASKED = {"product": "blink", "number": 2, "plan": {"canary": 1, "waves": [100]}}
ROLLOUTS = "/api/v1/rollouts"


@pytest.fixture(autouse=True)
def _founded(trusted_host):
    """A fleet with keys."""


@pytest.fixture
def fleet(db, alice):
    """Four boards of Alice's that run release 1."""
    return [make_device(db, alice, one, number=1, online=True) for one in IDS]


@pytest.fixture
def approved(db, host, release, approver):
    """Release 2, approved."""
    ada = db.get(User, approver.id)
    proposal = proposals.propose(db, host.trust, ada, "approve", product="blink", number=2)
    proposals.sign_held(db, host.settings, host.trust, proposal, ada, PASSPHRASE)
    db.commit()
    return release


@pytest.fixture
def ask(client, alice):
    """Sends a request as Alice, or as somebody else; (status, JSON)."""

    def ask(method, path, value=None, who=alice):
        answer = client.open(path, method=method, json=value, headers=who.headers)
        return answer.status_code, answer.json

    return ask


@pytest.fixture
def rollout(ask, fleet, approved):
    """A rollout to all four."""
    status, made = ask("POST", ROLLOUTS, ASKED)
    assert status == 201, made
    return made


def test_a_rollout_is_made_and_shown(ask, rollout):
    shown = ask("GET", f"{ROLLOUTS}/{rollout['id']}")[1]
    assert [wave["devices"] for wave in shown["waves"]] == [1, 3]
    assert (shown["state"], shown["waiting"], shown["created_by"]) == (
        "running", 4, "alice@example.com",
    )  # fmt: skip


def test_a_dry_run_says_the_waves_and_keeps_nothing(ask, fleet, approved):
    status, shown = ask("POST", ROLLOUTS, {**ASKED, "dry_run": True})
    assert (status, sorted(one for wave in shown["waves"] for one in wave)) == (200, IDS)
    assert shown["plan"]["success"] == 90
    assert ask("GET", ROLLOUTS)[1] == []


def test_a_dry_run_and_the_rollout_have_the_same_waves(ask, fleet, approved):
    dry = ask("POST", ROLLOUTS, {**ASKED, "dry_run": True})[1]["waves"]
    made = ask("POST", ROLLOUTS, ASKED)[1]
    places = ask("GET", f"{ROLLOUTS}/{made['id']}/devices")[1]
    wet = [[one["device"] for one in places if one["wave"] == n] for n in range(2)]
    assert wet == [sorted(wave) for wave in dry]


def test_the_list_counts(ask, rollout):
    (one,) = ask("GET", ROLLOUTS)[1]
    assert (one["id"], one["devices"], one["done"]) == (rollout["id"], 4, 0)


def test_one_that_begins_later_is_scheduled(ask, fleet, approved):
    plan = {**ASKED["plan"], "starts_at": "2126-01-01T00:00Z"}
    assert ask("POST", ROLLOUTS, {**ASKED, "plan": plan})[1]["state"] == "scheduled"


ACTIONS = (("pause", "paused"), ("abort", "aborted"), ("promote", "running"))


@pytest.mark.parametrize(("action", "state"), ACTIONS)
def test_an_action_moves_it(ask, rollout, action, state):
    status, after = ask("POST", f"{ROLLOUTS}/{rollout['id']}/{action}", {"reason": "lunch"})
    assert (status, after["state"]) == (200, state)


REFUSED = (("resume", "rollout-state"), ("retry", "no-devices"), ("explode", "not-found"))


@pytest.mark.parametrize(("action", "word"), REFUSED)
def test_an_action_that_cannot_be_is_refused(ask, rollout, action, word):
    assert ask("POST", f"{ROLLOUTS}/{rollout['id']}/{action}")[1]["error"] == word


def test_a_plan_that_cannot_be_is_refused_with_the_reason(ask, fleet, approved):
    status, answer = ask("POST", ROLLOUTS, {**ASKED, "plan": {"waves": [50, 60]}})
    assert (status, answer["error"]) == (400, "bad-request")
    assert "add up to 110 %" in answer["message"]


def test_somebody_elses_rollout_does_not_exist(ask, rollout, bob, admin):
    path = f"{ROLLOUTS}/{rollout['id']}"
    found = [ask("GET", path, who=who)[0] for who in (bob, admin)]
    assert (found, ask("GET", ROLLOUTS, who=bob)[1]) == ([404, 200], [])


TRACEBACK = 'Traceback:\n  File "/slots/%s/app/main.py", line %d, in main\nOSError: [Errno %d]'


def fail(db, host, device, approved, line=3, slot="a", key=0):
    one = assignments.assign(db, [device], approved, "alice")[0]
    said = {"key": f"{key:016x}", "kind": "update", "outcome": "failed", "number": 2,
            "assignment": one.id, "reason": "app-raised", "log": ["last"],
            "traceback": TRACEBACK % (slot, line, key)}  # fmt: skip
    reports.accept(db, host.settings, device, [said])
    db.commit()


def test_boards_that_fail_alike_are_one_line(ask, db, host, fleet, approved):
    for n, device in enumerate(fleet):
        fail(db, host, device, approved, 3 if n else 7, "ab"[n % 2], n)
    found = ask("GET", "/api/v1/releases/blink/2/failures")[1]
    assert [(one["count"], one["reason"], one["log"]) for one in found] == [
        (3, "app-raised", ["last"]), (1, "app-raised", ["last"]),
    ]  # fmt: skip


def test_failures_of_other_peoples_devices_are_not_shown(ask, db, host, fleet, approved, bob):
    fail(db, host, fleet[0], approved)
    assert ask("GET", "/api/v1/releases/blink/2/failures", who=bob)[1] == []


def test_events_come_in_pages(ask, rollout, admin, db):
    path = "/api/v1/events?limit=2"
    first = ask("GET", path, who=admin)[1]
    second = ask("GET", f"{path}&before={first[-1]['id']}", who=admin)[1]
    ids = [one["id"] for one in first + second]
    newest = [one.id for one in db.query(Event).order_by(Event.id.desc()).limit(4)]
    assert ids == newest


def test_events_can_be_those_of_one_subject(ask, rollout):
    found = ask("GET", f"/api/v1/events?subject=rollout+{rollout['id']}")[1]
    assert [(one["what"], one["why"]) for one in found] == [
        ("created", "release blink/2 to 4 devices")
    ]


def test_who_is_no_admin_sees_events_of_their_own(ask, db, rollout, bob, alice):
    from host.services import events

    other = make_device(db, bob, "24a1600000bb")
    events.add(db, "bob@example.com", f"device {other.id}", "renamed")
    events.add(db, "host", f"device {IDS[0]}", "assigned")
    events.add(db, "admin@example.com", "user bob@example.com", "role-changed")
    db.commit()
    seen = {one["subject"] for one in ask("GET", "/api/v1/events")[1]}
    assert {f"device {IDS[0]}", f"rollout {rollout['id']}", "release blink/2"} <= seen
    assert not seen & {f"device {other.id}", "user bob@example.com"}


@pytest.mark.parametrize("query", ("limit=x", "before=-1", "before=99999999999"))
def test_a_page_that_is_no_number_is_refused(ask, query):
    assert ask("GET", f"/api/v1/events?{query}")[0] == 400


def test_a_device_has_tags_and_a_time_zone(ask, fleet):
    value = {"tags": ["wet", "near", "wet"], "timezone": "Europe/Berlin"}
    shown = ask("PATCH", f"/api/v1/devices/{IDS[0]}", value)[1]
    assert (shown["tags"], shown["timezone"]) == (["near", "wet"], "Europe/Berlin")


LABELS = (
    {"tags": ["Wet"]}, {"tags": "wet"}, {"tags": ["x" * 33]},
    {"tags": [f"t{n}" for n in range(17)]}, {"timezone": "Mars"}, {"timezone": 5}, {},
)  # fmt: skip


@pytest.mark.parametrize("value", LABELS, ids=str)
def test_odd_labels_are_refused(ask, fleet, value):
    assert ask("PATCH", f"/api/v1/devices/{IDS[0]}", value)[0] == 400


def test_a_board_that_asks_is_told_and_that_is_noted_once(client, db, fleet, approved):
    from host_samples import SECRET

    assignments.assign(db, [fleet[0]], approved, "alice")
    db.commit()
    headers = {"Authorization": f"Bearer {IDS[0]}:{SECRET}"}
    for _ in range(2):
        client.get("/api/device/v1/assignment", headers=headers)
    db.expire_all()
    said = [e.what for e in db.query(Event).filter_by(subject=f"device {IDS[0]}")]
    stage = assignments.stage(assignments.opened(db, IDS[0]))
    assert (said, stage) == (["assigned", "notified"], "notified")


STEPS = (
    ("plan", "downloading"), ("stage", "downloading"), ("seal", "staged"),
    ("activate", "staged"), ("trial", "trial"), ("a new one", "downloading"),
)  # fmt: skip


@pytest.mark.parametrize(("step", "stage"), STEPS)
def test_a_step_of_the_board_is_a_stage_of_the_update(db, fleet, approved, step, stage):
    assignments.assign(db, [fleet[0]], approved, "alice")
    assignments.follow(db, fleet[0], 2, step)
    one = assignments.opened(db, IDS[0])
    event = db.query(Event).order_by(Event.id.desc()).first()
    assert (one.state, assignments.stage(one), event.what) == ("started", stage, stage)


def test_a_viewer_may_look_and_no_more(ask, db, fleet, approved):
    viewer = make_user(db, "eve@example.com", "viewer")
    asked = (("GET", ROLLOUTS), ("POST", ROLLOUTS, ASKED))
    found = [ask(*one, who=viewer)[0] for one in asked]
    assert found == [200, 403]
