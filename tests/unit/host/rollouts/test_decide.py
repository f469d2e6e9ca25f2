"""What a rollout decides, case by case."""

from datetime import UTC, datetime, timedelta

import pytest

from host.rollouts import decide as rules
from host.rollouts.decide import (
    Advance,
    Finish,
    Forgive,
    Lose,
    Offer,
    Pause,
    Reach,
    Standing,
    TakeBack,
    decide,
)
from host.rollouts.member import Member
from host.rollouts.plan import parse

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def rollout(state="running", wave=0, reached_at=None, judged_from=None, ends_at=None, **plan):
    given = {"canary": 1, "waves": [50, 50], "soak_s": 0, "failures": 3, "failure_rate": 100}
    made = parse({**given, **plan})
    return Standing(made, state, wave, reached_at, judged_from, ends_at or NOW + 24 * HOUR)


def member(name, wave=0, state="waiting", ago=HOUR / 60, **more):
    """A member, online, whose assignment changed `ago`."""
    since = None if state in ("waiting", "out") else NOW - ago
    given = {"is_online": True, "since": since, "offered_at": since}
    return Member(name, wave, state, **{**given, **more})


def after(members, standing=None, now=NOW):
    return decide(standing or rollout(), members, now)


def test_the_canary_is_first():
    assert after([member("a"), member("b", 1), member("c", 2)]) == [Offer("a")]


def test_the_next_wave_begins_once_the_canary_has_done_it():
    members = [member("a", state="done"), member("b", 1), member("c", 2)]
    assert after(members) == [Reach(0), Advance(1), Offer("b")]


def test_a_wave_soaks_before_the_next():
    members = [member("a", state="done"), member("b", 1)]
    soaking = rollout(soak_s=600)
    early = rollout(soak_s=600, reached_at=NOW - timedelta(seconds=599))
    late = rollout(soak_s=600, reached_at=NOW - timedelta(seconds=600))
    found = [after(members, one) for one in (soaking, early, late)]
    assert found == [[Reach(0)], [], [Advance(1), Offer("b")]]


@pytest.mark.parametrize(
    ("done", "goes_on"), ((8, False), (9, True)), ids=("80 of 100", "90 of 100")
)
def test_a_wave_is_reached_at_its_success_threshold(done, goes_on):
    members = [member(f"d{n}", state="done") for n in range(done)]
    members += [member(f"s{n}", state="started") for n in range(10 - done)]
    assert (Reach(0) in after(members, rollout(success=90, canary=10))) is goes_on


def test_no_more_than_so_many_are_in_flight():
    members = [member("a", state="started"), member("b"), member("c"), member("d")]
    assert after(members, rollout(in_flight=3)) == [Offer("b"), Offer("c")]


def test_so_many_failures_pause_it_and_take_back_what_nobody_began():
    members = [member(f"f{n}", state="failed") for n in range(3)]
    members += [member("a", state="offered"), member("b", state="started"), member("c")]
    found = after(members, rollout(failures=3))
    assert found == [Pause("failures"), TakeBack("a", "paused")]


def test_so_many_percent_of_a_wave_pause_it():
    members = [member("f", state="failed"), *(member(f"d{n}", state="done") for n in range(4))]
    found = [after(members, rollout(failure_rate=rate, canary=5)) for rate in (21, 20)]
    assert [Pause("failure-rate") in one for one in found] == [False, True]


def test_who_is_away_does_not_thin_the_failure_rate():
    away = [member(f"a{n}", is_online=False, seen_at=None) for n in range(50)]
    members = [member("f", state="failed"), member("d", state="done"), *away]
    assert after(members, rollout(failure_rate=50)) == [Pause("failure-rate")]


def test_what_is_not_held_against_the_release_does_not_pause_it():
    members = [member(f"f{n}", state="failed", counts=False) for n in range(5)]
    members += [member("d", state="done"), member("b", 1)]
    assert after(members) == [Reach(0), Advance(1), Offer("b")]


def test_a_canary_that_nobody_took_proves_nothing():
    members = [member("f", state="failed", counts=False), member("b", 1)]
    assert after(members) == [Pause("success")]


def test_a_wave_that_cannot_reach_its_threshold_pauses():
    members = [member("c", state="done"), member("f", 1, "failed"), member("d", 1, "done")]
    members += [member("b", 2)]
    assert after(members, rollout(wave=1)) == [Pause("success")]


def test_who_went_on_after_failures_is_not_stopped_by_them_again():
    members = [member("d", state="done"), member("f", state="failed"), member("b", 1)]
    seen = rollout(failures=1, judged_from=NOW)
    assert after(members, seen) == [Reach(0), Advance(1), Offer("b")]


def test_who_is_away_is_not_offered_anything_and_holds_nobody_up():
    members = [member("c", state="done")]
    members += [member("a", 1, is_online=False, seen_at=NOW - 3 * HOUR), member("b", 2)]
    found = after(members, rollout(wave=1))
    assert found == [Reach(1), Advance(2), Offer("b")]


def test_who_comes_back_late_has_its_waves_turn():
    members = [member("c", state="done"), member("a", 1, is_online=False, seen_at=NOW)]
    members += [member("b", 2, "done")]
    assert Offer("a") in after(members, rollout(wave=2, reached_at=NOW))


def test_the_canary_is_waited_for():
    assert after([member("a", is_online=False), member("b", 1)]) == []


def test_it_is_complete_when_nobody_is_left():
    members = [member("a", state="done"), member("b", 2, "done"), member("x", 2, "out")]
    found = [after(members, rollout(wave=2, reached_at=NOW))]
    members.append(member("late", 1, is_online=False))
    found.append(after(members, rollout(wave=2, reached_at=NOW)))
    assert found == [[Finish("complete")], []]


def test_its_time_ends_it_whoever_is_away():
    members = [member("b", is_online=False), member("c", state="offered")]
    found = after(members, rollout(ends_at=NOW))
    assert found == [TakeBack("c", "away"), Finish("time")]


def test_what_is_under_way_at_the_end_may_end():
    members = [member("a", state="started"), member("b")]
    assert after(members, rollout(ends_at=NOW)) == []


LOST = {  # how a board that was offered it two hours and a bit ago is seen
    "silent": (
        {"state": "started", "is_online": False}, [Lose("a", "silent"), Pause("failure-rate")],
    ),
    "it asked, then silent": (
        {"state": "offered", "has_asked": True, "is_online": False},
        [Lose("a", "silent"), Pause("failure-rate")],
    ),
    "never asked": (
        {"state": "offered", "is_online": False}, [TakeBack("a", "away")],
    ),
    "heard just now": ({"state": "started", "is_online": False, "seen_at": NOW}, []),
    "online": ({"state": "started"}, []),
}  # fmt: skip


@pytest.mark.parametrize(("seen", "decisions"), LOST.values(), ids=LOST)
def test_silence_means(seen, decisions):
    board = member("a", ago=timedelta(seconds=7201), **seen)
    assert after([board]) == decisions


def test_an_update_that_does_not_end_is_lost_though_the_board_talks():
    board = member("a", state="started", ago=timedelta(seconds=86401))
    assert after([board], rollout())[0] == Lose("a", "late")


def test_a_lost_board_that_is_back_has_another_turn_and_counts_no_more():
    board = member("a", state="failed", is_back=True)
    assert after([board], rollout(failures=1)) == [Forgive("a"), Offer("a")]


@pytest.mark.parametrize("state", ("paused", "aborted"))
def test_that_it_is_back_is_noted_while_there_may_be_a_turn(state):
    board = member("a", state="failed", is_back=True)
    assert after([board], rollout(state)) == ([Forgive("a")] if state == "paused" else [])


def test_the_lost_count_as_failed_at_once():
    board = member("a", state="started", ago=3 * HOUR, is_online=False)
    assert after([board, member("b")], rollout(failures=1)) == [
        Lose("a", "silent"),
        Pause("failures"),
    ]


def test_outside_of_its_window_nobody_is_offered_anything():
    window = {"from": "14:00", "to": "16:00"}
    members = [member("utc"), member("moscow", zone="Europe/Moscow")]
    assert after(members, rollout(window=window, canary=2)) == [Offer("moscow")]


def test_an_offer_not_begun_ends_with_its_window():
    window = {"from": "14:00", "to": "16:00"}
    members = [member("a", state="offered"), member("b", state="started")]
    assert after(members, rollout(window=window)) == [TakeBack("a", "window")]


def test_before_its_time_nothing_happens():
    later = rollout(starts_at="2026-12-01T12:00:01Z")
    assert (after([member("a")], later), after([member("a")], later, NOW + HOUR)) == (
        [],
        [Offer("a")],
    )


def test_while_it_is_paused_nothing_is_offered():
    members = [member("a"), member("b", state="offered"), member("c", state="started")]
    assert after(members, rollout("paused")) == [TakeBack("b", "paused")]


@pytest.mark.parametrize("state", (rules.FINISHED, rules.ABORTED))
def test_what_is_over_offers_nothing_and_still_loses_the_silent(state):
    members = [member("a"), member("b", state="started", ago=9 * HOUR, is_online=False)]
    members += [member("c", state="offered")]
    assert after(members, rollout(state)) == [Lose("b", "silent"), TakeBack("c", "ended")]


def test_a_newer_rollout_takes_over_what_nobody_began():
    members = [member("a", state="offered", newer=8), member("b", state="started", newer=8)]
    assert after(members) == [TakeBack("a", "rollout-8")]


def test_who_is_busy_with_another_assignment_waits():
    assert after([member("a", is_busy=True)]) == []


def test_many_waves_are_passed_at_once_where_nobody_is_in_them():
    members = [member("a", state="done"), member("z", 4)]
    found = after(members, rollout(waves=[25, 25, 25, 25]))
    assert found[-3:] == [Reach(3), Advance(4), Offer("z")]
