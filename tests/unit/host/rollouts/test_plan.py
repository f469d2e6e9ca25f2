"""Plans, windows and waves: what is refused, and that they are the same everywhere."""

from datetime import UTC, datetime

import pytest

from host.rollouts import plan as plans
from host.rollouts import waves
from host.rollouts.member import Row, standing
from host.rollouts.plan import PlanError, parse
from host.rollouts.window import Window, is_zone

BAD = {
    "no object": ([], "a plan is an object"),
    "a stray field": ({"canaries": 1}, "no 'canaries'"),
    "waves over 100": ({"waves": [50, 60]}, "add up to 110 %, not 100: 50 + 60"),
    "waves below 100": ({"waves": [10]}, "add up to 10 %"),
    "an empty wave": ({"waves": [0, 100]}, "above 0"),
    "no waves": ({"waves": []}, "1 to 20 percentages"),
    "success above 100": ({"success": 101}, "success is 101, not 1 to 100 percent"),
    "rate above 100": ({"failure_rate": 101}, "failure_rate is 101"),
    "no failures": ({"failures": 0}, "failures is 0"),
    "nothing in flight": ({"in_flight": 0}, "in_flight is 0"),
    "a text": ({"soak_s": "5"}, "soak_s is '5'"),
    "true": ({"soak_s": True}, "soak_s is True"),
    "a window that never opens": ({"window": {"from": "02:00", "to": "02:00"}}, "never opens"),
    "a window on no day": (
        {"window": {"from": "02:00", "to": "03:00", "days": []}}, "never opens",
    ),
    "a window without an end": ({"window": {"from": "02:00"}}, "a window is"),
    "no such day": (
        {"window": {"from": "02:00", "to": "03:00", "days": ["monday"]}}, "days of a window",
    ),
    "no such hour": ({"window": {"from": "25:00", "to": "03:00"}}, "a window is"),
    "no time": ({"starts_at": "tomorrow"}, "no time like"),
    "a time without a zone": ({"starts_at": "2026-12-01T02:00"}, "in which zone"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "said"), BAD.values(), ids=BAD)
def test_a_plan_that_cannot_be_is_refused_with_the_reason(given, said):
    with pytest.raises(PlanError) as caught:
        parse(given)
    assert said in str(caught.value)


def test_a_plan_has_defaults_and_survives_being_written():
    window = {"from": "22:00", "to": "04:00", "days": ["sat", "fri"]}
    given = parse({"window": window, "starts_at": "2026-12-01T03:00:00+01:00", "canary_tag": "x"})
    assert parse(plans.describe(given)) == given
    assert (parse({}).waves, given.starts_at.hour) == ((10, 30, 60), 2)


OPEN = (  # from, to, days, zone, UTC → whether it is open
    ("02:00", "05:00", None, "UTC", "2026-12-01T02:00", True),
    ("02:00", "05:00", None, "UTC", "2026-12-01T04:59", True),
    ("02:00", "05:00", None, "UTC", "2026-12-01T05:00", False),
    ("02:00", "05:00", None, "Europe/Berlin", "2026-12-01T01:00", True),
    ("02:00", "05:00", None, "Europe/Berlin", "2026-07-01T00:00", True),  # summer time
    ("02:00", "05:00", None, None, "2026-12-01T02:00", True),
    ("22:00", "04:00", ["tue"], "UTC", "2026-12-01T23:00", True),  # a Tuesday
    ("22:00", "04:00", ["tue"], "UTC", "2026-12-02T03:00", True),  # Tuesday's night
    ("22:00", "04:00", ["tue"], "UTC", "2026-12-01T03:00", False),  # Monday's
    ("02:00", "05:00", ["tue"], "UTC", "2026-12-02T03:00", False),
)


@pytest.mark.parametrize(("begin", "end", "days", "zone", "at", "is_open"), OPEN)
def test_a_window_is_in_the_time_of_the_device(begin, end, days, zone, at, is_open):
    value = {"from": begin, "to": end} | ({"days": days} if days else {})
    now = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert Window.parse(value).is_open(zone, now) is is_open


@pytest.mark.parametrize(
    ("name", "is_one"),
    (("Europe/Berlin", True), ("UTC", True), ("Mars", False), ("../etc", False), ("", False)),
)
def test_a_time_zone_is_known_by_its_name(name, is_one):
    assert is_zone(name) is is_one


IDS = [f"24a1600000{n:02x}" for n in range(100)]


def test_the_order_of_devices_is_that_of_their_hashes():
    assert waves.order(IDS[:4], "blink/4") == [IDS[3], IDS[0], IDS[2], IDS[1]]
    assert waves.order(IDS, "blink/4") != waves.order(IDS, "blink/5")


SPLITS = (  # plan, devices → sizes
    ({"canary": 2, "waves": [10, 30, 60]}, 100, [2, 10, 30, 58]),
    ({"canary": 0, "waves": [50, 50]}, 3, [2, 1]),
    ({"canary": 1, "waves": [10, 30, 60]}, 1, [1, 0, 0, 0]),
    ({"canary": 1, "waves": [10, 30, 60]}, 10, [1, 1, 3, 5]),
    ({"canary": 5, "waves": [100]}, 3, [3, 0]),
)


@pytest.mark.parametrize(("plan", "count", "sizes"), SPLITS)
def test_waves_are_canaries_and_shares_of_the_rest(plan, count, sizes):
    split = waves.split(IDS[:count], "blink/4", parse(plan))
    assert [len(one) for one in split] == sizes
    assert sorted(one for wave in split for one in wave) == IDS[:count]


def test_canaries_may_be_those_with_a_tag():
    split = waves.split(IDS, "x", parse({"canary_tag": "near", "waves": [100]}), IDS[7:9])
    assert sorted(split[0]) == IDS[7:9]


@pytest.mark.parametrize(("percent", "count"), ((1, 1), (10, 10), (100, 100)))
def test_a_percentage_of_devices_is_the_first_of_them(percent, count):
    assert waves.sample(IDS, "x", percent) == waves.order(IDS, "x")[:count]


ROW = Row(
    "a", 0, is_held=False, assignment=None, reason=None, has_asked=False, since=None,
    offered_at=None, is_for=True, runs=3, is_online=True, seen_at=None, zone=None, is_busy=False,
    newer=None,
)  # fmt: skip
STANDINGS = {
    "waits": ({}, "waiting"),
    "runs it": ({"runs": 4}, "done"),
    "runs a newer one": ({"runs": 5}, "out"),
    "is not for it": ({"is_for": False}, "out"),
    "failed with it before": ({"is_held": True}, "out"),
    "a newer rollout has it": ({"newer": 9}, "out"),
    "offered": ({"assignment": "offered"}, "offered"),
    "lost": ({"assignment": "lost", "reason": "silent"}, "failed"),
    "refused": ({"assignment": "refused", "reason": "no-space"}, "failed"),
    "taken back": ({"assignment": "superseded", "reason": "paused"}, "waiting"),
    "taken back, and gone": (
        {"assignment": "superseded", "reason": "away", "is_for": False}, "out",
    ),
    "taken over": ({"assignment": "superseded", "reason": "rollout-9", "newer": 9}, "out"),
    "taken over by one that is over": (
        {"assignment": "superseded", "reason": "rollout-9"}, "waiting",
    ),
    "superseded": ({"assignment": "superseded", "reason": "release-5"}, "out"),
    "superseded, yet runs it": (
        {"assignment": "superseded", "reason": "paused", "runs": 4}, "done",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("seen", "state"), STANDINGS.values(), ids=STANDINGS)
def test_a_device_stands(seen, state):
    assert standing(ROW._replace(**seen), 4).state == state


BACK = {
    "heard again": ({}, True),
    "not heard": ({"seen_at": None}, False),
    "heard before only": ({"seen_at": datetime(2026, 11, 30, tzinfo=UTC)}, False),
    "it was late, not silent": ({"reason": "late"}, False),
    "it tried the release": ({"is_tried": True}, False),
    "for the third time": ({"interruptions": 2}, False),
}


@pytest.mark.parametrize(("seen", "is_back"), BACK.values(), ids=BACK)
def test_a_lost_board_is_back(seen, is_back):
    lost, day = datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 2, tzinfo=UTC)
    row = ROW._replace(assignment="lost", reason="silent", since=lost, seen_at=day)
    assert standing(row._replace(**seen), 4).is_back is is_back


@pytest.mark.parametrize(("reason", "counts"), (("app-raised", True), ("no-contact", False)))
def test_bad_luck_does_not_count(reason, counts):
    row = ROW._replace(assignment="failed", reason=reason)
    assert standing(row, 4).counts is counts
