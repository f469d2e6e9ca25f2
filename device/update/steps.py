"""The steps of an update as a table (DESIGN section 4), and what its ends mean. Pure."""

from device.errors import Damaged, HttpError, Refused, StorageFull

_ENOSPC = 28

# What a step came to.
SUCCESS = "success"
FAILURE = "failure"  # it may go better next time
REFUSED = "refused"  # it will not
LATER = "later"  # nobody's fault: no room, no network

# step:      success     failure     tried again from, times   power lost
STEPS = {
    "check": ("plan", "idle", None, 0, "check"),
    "plan": ("stage", "refuse", None, 0, "plan"),
    "stage": ("seal", "refuse", "stage", 3, "stage"),
    "seal": ("activate", "refuse", "stage", 1, "seal"),
    "activate": ("trial", "refuse", None, 0, "activate"),
    "trial": ("commit", "rollback", None, 0, "trial"),
    "commit": ("done", "rollback", None, 0, "commit"),
    "rollback": ("failed", "failed", None, 0, "rollback"),
}

# How a failed trial ends, where it is not held against the release: word → outcome in the report.
SPARED = {"interrupted": "interrupted", "no-contact": "failed"}
SPARED_TIMES = 3  # offered again so often, then it counts


def next_step(step, outcome, failures=0):
    """The step after this one, where `failures` of this step in this update came before."""
    success, failure, again, times, _ = STEPS[step]
    if outcome == SUCCESS:
        return success
    if outcome == LATER:
        return step
    if outcome == FAILURE and failures < times:
        return again
    return failure


def outcome_of(e):
    """Outcome of a step that raised `e`, and the word for it; None: not the release's matter."""
    if isinstance(e, Refused):
        return REFUSED, e.code
    if isinstance(e, StorageFull) or (isinstance(e, OSError) and e.args[0] == _ENOSPC):
        return LATER, "storage-full"
    if isinstance(e, MemoryError):
        return FAILURE, "out-of-memory"
    if isinstance(e, Damaged) or (isinstance(e, HttpError) and e.status == 404):
        return FAILURE, e.code
    if isinstance(e, OSError):  # the flash does not do what it should
        return FAILURE, "not-staged"
    return None, None


def after_power_loss(step, runs_from_trial):
    """Where the journal's step goes on after a start; commit only where the trial slot runs."""
    if step == "commit" and not runs_from_trial:
        step = "trial"
    return STEPS.get(step, STEPS["check"])[4]


def why_failed(reason, has_traceback, uptime_s, trial_s):
    """The word for a trial that ended, as the old release sees it when it has contact."""
    if reason == "no-contact" and uptime_s <= trial_s:
        return "lost-contact"  # the network is fine: it was the release
    if reason in ("", "not-committed"):
        return "start-failed" if has_traceback else "not-committed"
    return reason


def ending(reason, spared):
    """Outcome for the report, and whether the assignment is closed: not started again here."""
    if reason not in SPARED:
        return "failed", True
    return SPARED[reason], spared + 1 >= SPARED_TIMES
