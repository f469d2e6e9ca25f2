"""One device of a rollout, as `decide` sees it."""

from datetime import datetime
from typing import NamedTuple

# Why an assignment ended that does not speak against its release.
SPARED = ("no-contact", "interrupted")
# Why a rollout took an offer back: the device has its turn again. Other reasons are for good.
AWAY, WINDOW, PAUSED, INTERRUPTED = "away", "window", "paused", "interrupted"
ENDED = "ended"  # the rollout itself did: no turn comes
NEWER = "rollout-"  # and the number of the one that has the device now
TAKEN_BACK = (AWAY, WINDOW, PAUSED, INTERRUPTED, NEWER)

# Why a board is lost: not heard of in time, or heard of and not done in time.
SILENT, LATE = "silent", "late"
INTERRUPTIONS_MAX = 3  # of one release: then bad luck ends its offer, too

WAITING, OFFERED, STARTED, DONE, FAILED, OUT = (
    "waiting", "offered", "started", "done", "failed", "out",
)  # fmt: skip
OPEN = (OFFERED, STARTED)

# state of the newest assignment: of the member
_STATES = {
    None: WAITING,
    "offered": OFFERED,
    "started": STARTED,
    "done": DONE,
    "failed": FAILED,
    "refused": FAILED,
    "lost": FAILED,
}


class Row(NamedTuple):
    """What the database says of a device and of its assignment from this rollout."""

    device: str
    wave: int
    is_held: bool  # it failed with this release elsewhere
    assignment: str | None  # its state
    reason: str | None
    has_asked: bool  # since it was offered
    since: datetime | None  # when the assignment changed last
    offered_at: datetime | None
    is_for: bool  # claimed, managed, of the product and a model of the release, not lost by it
    runs: int | None
    is_online: bool
    seen_at: datetime | None
    zone: str | None
    is_busy: bool  # another assignment is open
    newer: int | None  # the newest other rollout that has it, if that is newer than this
    is_tried: bool = False  # the board started the release: how that ended it will report
    interruptions: int = 0


class Member(NamedTuple):
    """A device with its standing in one rollout."""

    device: str
    wave: int
    state: str
    counts: bool = True  # whether its failure speaks against the release
    has_asked: bool = False
    since: datetime | None = None
    offered_at: datetime | None = None
    is_online: bool = False
    seen_at: datetime | None = None
    zone: str | None = None
    is_busy: bool = False
    newer: int | None = None
    is_back: bool = False  # it was lost before it tried the release, and is heard of again


def standing(row, number):
    """The member of a row, in a rollout of release `number`."""
    return Member(
        row.device, row.wave, _state(row, number), row.reason not in SPARED, row.has_asked,
        row.since, row.offered_at, row.is_online, row.seen_at, row.zone, row.is_busy, row.newer,
        _is_back(row),
    )  # fmt: skip


def _is_back(row):
    if row.assignment != "lost" or row.reason != SILENT or row.is_tried:
        return False
    is_heard = row.seen_at is not None and row.seen_at > row.since
    return is_heard and row.interruptions + 1 < INTERRUPTIONS_MAX


def _state(row, number):
    state = _STATES.get(row.assignment, OUT)
    if row.assignment == "superseded" and row.reason.startswith(TAKEN_BACK):
        state = WAITING
    if state in (WAITING, OUT) and row.runs == number:
        return DONE
    if state == WAITING and not _may_take(row, number):
        return OUT
    return state


def _may_take(row, number):
    is_older = row.runs is None or row.runs < number
    return row.is_for and is_older and not row.is_held and row.newer is None
