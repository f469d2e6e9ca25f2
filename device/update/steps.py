"""Where an update stands and goes: the table of its steps (DESIGN section 4), and the journal.

Pure but for the journal, which is handed its store.
"""

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
    "plan": ("stage", "refuse", "plan", 3, "plan"),
    "stage": ("seal", "refuse", "stage", 3, "stage"),
    "seal": ("activate", "refuse", "stage", 1, "seal"),
    "activate": ("trial", "refuse", None, 0, "seal"),  # what is there may have changed
    "trial": ("commit", "rollback", None, 0, "trial"),
    "commit": ("done", "rollback", None, 0, "commit"),
    "rollback": ("failed", "failed", None, 0, "rollback"),
}

# What plan, stage and seal load, each part of a step for itself: together they do not fit.
MODULES = (
    "device.update.plan",
    "device.update.download",
    "device.update.patch",
    "device.update.app_slot",
    "device.update.firmware_slot",
)

# How a failed trial ends, where it is not held against the release: word → outcome in the report.
SPARED = {"interrupted": "interrupted", "no-contact": "failed"}
SPARED_TIMES = 3  # offered again so often, then it counts

# The journal, one small file that is replaced as a whole (SPEC section 4).
_NAME = "journal"
_SHAPE = {
    "step": "check",
    "number": 0,
    "manifest": "",
    "size": 0,
    "assignment": 0,
    "tries": 0,
    "seals": 0,
    "image": 0,
    "spared": 0,
    "closed": 0,
    "full": 0,
    "doubt": "",
    "fetched": 0,
    "copied": 0,
    "resumed": 0,
    "peak": 0,
}
_RELEASE = ("assignment", "number", "manifest", "size")


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
    if isinstance(e, MemoryError):  # in update mode, or where that was tried too often
        return REFUSED, "out-of-memory"
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


def assigned(answer):
    """The release of an assignment (SPEC section 7), its fields checked, or None."""
    release = answer.get("release")
    if release is None:
        return None
    try:
        numbers = [release[name] for name in ("assignment", "number", "size")]
        digest = release["manifest"]
    except (KeyError, TypeError):
        raise HttpError("bad-answer", 200)
    if not all(isinstance(n, int) and n > 0 for n in numbers) or not isinstance(digest, str):
        raise HttpError("bad-answer", 200)
    return {"assignment": numbers[0], "number": numbers[1], "size": numbers[2], "manifest": digest}


class Journal:
    """Fields of SPEC section 4 by name: `journal["step"]`; absent or garbage is its default."""

    def __init__(self, store):
        self._store = store
        found = store.load(_NAME, {})
        self._fields = {}
        for name, default in _SHAPE.items():
            value = found.get(name, default)
            self._fields[name] = value if isinstance(value, type(default)) else default

    def __getitem__(self, name):
        return self._fields[name]

    def is_about(self, release):
        """Whether this is the update that is noted here."""
        return all(self._fields[name] == release[name] for name in _RELEASE)

    def about(self):
        """Fields of a report on this update (SPEC section 8)."""
        fields = {name: self._fields[name] for name in ("assignment", "number")}
        fields["bytes"] = {name: self._fields[name] for name in ("fetched", "copied", "resumed")}
        fields["metadata"] = self._store.trusted_versions()
        return fields

    def begin(self, release):
        """Note a new update; what was spared is remembered where it is the same assignment."""
        changes = dict(_SHAPE)
        kept = {name: self._fields[name] for name in ("closed", "doubt")}
        changes.update(release, step="plan", **kept)
        if release["assignment"] == self._fields["assignment"]:
            changes.update(spared=self._fields["spared"], full=self._fields["full"])
        self.keep(**changes)  # on a full flash the first step finds out, and says so

    def refuse(self, reports, step, reason, detail):
        """Report that the release is refused, and never start it again."""
        about = self.about()
        about.update(outcome="refused", step=step, reason=reason, detail=detail)
        reports.add("update", **about)
        self.keep(step="check", closed=self._fields["assignment"])

    def report_full(self, reports, step, detail):
        """Report a full flash, once for each assignment: it is tried again until there is room."""
        about = self.about()
        if about["assignment"] != self._fields["full"]:
            self.keep(full=about["assignment"])
            about.update(reason="storage-full", step=step, detail=detail)
            reports.add("storage", **about)

    def write(self, **changes):
        """Change fields.

        Raises:
            StorageFull: there was no room; nothing was changed, here or on flash.
        """
        fields = dict(self._fields)
        fields.update(changes)
        if fields != self._fields:
            self._store.save(_NAME, fields)
            self._fields = fields

    def keep(self, **changes):
        """Change fields, on flash if there is room: for what the boot record knows better."""
        try:
            self.write(**changes)
        except StorageFull:
            self._fields.update(changes)
