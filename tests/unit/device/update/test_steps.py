"""The table of DESIGN section 4, row by row, and what a trial's end means."""

import pytest

from device.update import steps
from device.update.steps import FAILURE, LATER, REFUSED, SUCCESS

# step, success, failure, power lost: as DESIGN has them. How many goes there are comes below.
TABLE = [
    ("check", "plan", "idle", "check"),
    ("plan", "stage", "plan", "plan"),
    ("stage", "seal", "stage", "stage"),
    ("seal", "activate", "stage", "seal"),
    ("activate", "trial", "refuse", "seal"),
    ("trial", "commit", "rollback", "trial"),
    ("commit", "done", "rollback", "commit"),
    ("rollback", "failed", "failed", "rollback"),
]


@pytest.mark.parametrize(("step", "success", "failure", "power_lost"), TABLE)
def test_each_row_of_the_table(step, success, failure, power_lost):
    assert steps.next_step(step, SUCCESS) == success
    assert steps.next_step(step, FAILURE) == failure
    assert steps.after_power_loss(step, True) == power_lost


def test_the_table_has_no_other_rows():
    assert sorted(steps.STEPS) == sorted(row[0] for row in TABLE)


@pytest.mark.parametrize(
    ("step", "again", "goes"), (("plan", "plan", 3), ("stage", "stage", 3), ("seal", "stage", 1))
)
def test_a_step_is_tried_again_so_often_and_then_refused(step, again, goes):
    ways = [steps.next_step(step, FAILURE, n) for n in range(goes + 1)]
    assert ways == [again] * goes + ["refuse"]


@pytest.mark.parametrize("step", ("plan", "stage", "seal", "activate"))
def test_what_will_never_do_is_refused_at_once(step):
    assert steps.next_step(step, REFUSED) == "refuse"


@pytest.mark.parametrize("step", ("check", "plan", "stage", "seal", "activate"))
def test_what_nobody_can_help_waits(step):
    assert steps.next_step(step, LATER, 99) == step


def test_commit_is_trial_where_the_trial_does_not_run():
    assert steps.after_power_loss("commit", False) == "trial"


def test_a_step_of_a_later_format_is_check():
    assert steps.after_power_loss("polish", False) == "check"


# recorded reason, traceback left, uptime at first contact → the word
WORDS = [
    ("app-raised", True, 5, "app-raised"),
    ("unhealthy", False, 5, "unhealthy"),
    ("watchdog", False, 5, "watchdog"),
    ("not-committed", False, 5, "not-committed"),
    ("not-committed", True, 5, "start-failed"),
    ("", False, 5, "not-committed"),
    ("interrupted", False, 5, "interrupted"),
    ("firmware-reverted", False, 5, "firmware-reverted"),
    ("no-contact", False, 5, "lost-contact"),
    ("no-contact", False, 120, "lost-contact"),
    ("no-contact", False, 121, "no-contact"),
]


@pytest.mark.parametrize(("reason", "has_traceback", "uptime_s", "word"), WORDS)
def test_the_old_release_finds_the_word(reason, has_traceback, uptime_s, word):
    assert steps.why_failed(reason, has_traceback, uptime_s, 120) == word


@pytest.mark.parametrize(
    ("word", "spared", "end"),
    (
        ("app-raised", 0, ("failed", True)),
        ("lost-contact", 0, ("failed", True)),
        ("interrupted", 0, ("interrupted", False)),
        ("interrupted", 1, ("interrupted", False)),
        ("interrupted", 2, ("interrupted", True)),
        ("no-contact", 0, ("failed", False)),
        ("no-contact", 2, ("failed", True)),
    ),
)
def test_three_times_a_trial_is_spared(word, spared, end):
    assert steps.ending(word, spared) == end
