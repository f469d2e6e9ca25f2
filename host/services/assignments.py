"""Which device should take which release, and how that went."""

from datetime import UTC, datetime

from sqlalchemy import func, select, update

from host.errors import HostError
from host.models import Assignment, Device, Release, Rollout, RolloutDevice
from host.models.assignment import ASKED, FAILED, OPEN, TRIED
from host.rollouts.member import INTERRUPTED, INTERRUPTIONS_MAX, SPARED
from host.services import events, outbox, owners, verifications
from host.services.clock import utc
from host.verification import downgrade

_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)  # of ids

# What an outcome in a report makes of an assignment.
_OUTCOMES = {"done": "done", "failed": "failed", "refused": "refused", "interrupted": "offered"}
_TOLD = ("done", "failed", "refused")  # by a report: for good. A later one changes nothing

# Where an update is, by the state of its assignment and the step that the board said last.
_STAGES = {
    "done": "committed",
    "failed": "rolled-back",
    "refused": "refused",
    "lost": "lost",
    "superseded": "superseded",
}
_STEPS = {
    None: "assigned",
    ASKED: "notified",
    "plan": "downloading",
    "stage": "downloading",
    "seal": "staged",
    "activate": "staged",
    **dict.fromkeys(TRIED, "trial"),
}


def assign(session, devices, release, who, *, now=None):
    """Offer a release to devices; what was open for them before is superseded."""
    must_be_approved(release)
    for device in devices:
        must_fit(device, release)
    return [_offer(session, device, release, who, utc(now)) for device in devices]


def fits(device, release):
    """Whether a release is for a device, as far as the host knows the device."""
    return (
        device.state == "claimed"
        and device.product == release.product
        and device.model in (None, *release.boards)
        and not _why_lost(device, release)
    )


def stage(assignment):
    """Where an update is, in one word (SPEC section 11)."""
    return _STAGES.get(assignment.state) or _STEPS.get(assignment.step, "downloading")


def follow(session, device, number, step, *, now=None):
    """The board is at this step of taking this release."""
    assignment = opened(session, device.id)
    if assignment is None or assignment.release.number != number or assignment.step == step:
        return
    before = stage(assignment)
    assignment.state, assignment.step, assignment.updated_at = "started", step, utc(now)
    if stage(assignment) != before:
        _note(session, assignment, stage(assignment), now, who=_subject(assignment))


def conclude(session, device, assignment_id, outcome, reason, *, now=None):
    """Apply a report's outcome, unless one was told before, or it is another device's.

    A board that was given up for lost, or whose offer was taken back, may have done it after all.
    """
    assignment = session.get(Assignment, assignment_id)
    if assignment is None or assignment.device_id != device.id or assignment.state in _TOLD:
        return
    state = _OUTCOMES.get(outcome)
    if outcome == "failed" and reason in SPARED:
        state = "offered"
    if state == "offered":
        state, reason = _after_bad_luck(assignment, reason)
    if state:
        move(session, assignment, state, reason, utc(now), who=_subject(assignment))


def runs(session, device, number, *, now=None):
    """The board runs this release, committed: so it took it, whatever became of its report.

    That waits in its RAM where the flash is full, and is lost by a reset. Nobody may call this
    with the number of a trial.
    """
    device.number = number
    query = (
        select(Assignment)
        .join(Assignment.release)
        .where(Assignment.device_id == device.id, Assignment.state.in_((*OPEN, "lost")))
        .where(Release.product == device.product, Release.number == number)
        .order_by(Assignment.id.desc())
    )
    assignment = session.scalars(query.limit(1)).first()
    if assignment:
        move(session, assignment, "done", None, utc(now), who=_subject(assignment))
        device.progress = None


def opened(session, device_id):
    """The open assignment of a device, or None."""
    query = select(Assignment).where(Assignment.device_id == device_id, Assignment.state.in_(OPEN))
    return session.scalars(query).first()


def newest(session, device_ids):
    """The newest assignment of each device, by device id."""
    ids = (
        select(func.max(Assignment.id))
        .where(Assignment.device_id.in_(device_ids))
        .group_by(Assignment.device_id)
    )
    found = session.scalars(select(Assignment).where(Assignment.id.in_(ids)))
    return {assignment.device_id: assignment for assignment in found}


def close(session, device_id, reason, *, now=None):
    """End whatever is open for a device: it is retired, or something newer is offered."""
    assignment = opened(session, device_id)
    if assignment:
        move(session, assignment, "superseded", reason, utc(now))


def withdraw(session, release, *, now=None):
    """End what is open for a release, on whatever device."""
    query = select(Assignment).where(
        Assignment.release_id == release.id, Assignment.state.in_(OPEN)
    )
    for assignment in session.scalars(query).all():
        move(session, assignment, "superseded", "withdrawn", utc(now))


def must_be_approved(release):
    """Raise HostError `withdrawn`, `not-ready`, `not-approved` of what is not."""
    number = release.number
    if release.withdrawn_at:
        raise HostError("withdrawn", f"Release {number} was withdrawn.")
    verifications.must_be_whole(release)
    if release.state != "approved":
        how = f"mpfleet approve {number} --product {release.product}"
        message = f"Release {number} is {release.state}: boards take what is approved. {how}"
        raise HostError("not-approved", message)


def _after_bad_luck(assignment, reason):
    """State and reason after what is not held against the release; (None, …): as it is."""
    if assignment.state == "superseded":
        return None, reason
    assignment.interruptions += 1
    if assignment.interruptions >= INTERRUPTIONS_MAX:
        return "failed", reason
    # Another may be open by now for one that was lost: its rollout offers it again.
    return ("offered", reason) if assignment.state in OPEN else ("superseded", INTERRUPTED)


def must_fit(device, release):
    """Refuse a device that a release is not for.

    Raises: HostError `not-claimed`, `wrong-product`, `wrong-board`, `older-firmware`.
    """
    owners.must_be_somebodys(device)
    if device.product != release.product:
        raise HostError(
            "wrong-product", f"Device {device.id} is a {device.product}, not a {release.product}."
        )
    if device.model not in (None, *release.boards):
        boards = ", ".join(release.boards)
        sentence = f"Device {device.id} is a {device.model}, not one of {boards}."
        raise HostError("wrong-board", sentence)
    lost = _why_lost(device, release)
    if lost:
        sentence = (
            f"Device {device.id} runs MicroPython {device.firmware}, and {lost}: it would not "
            "start any more. Give it a release without firmware, or with a newer one; or set it "
            "up anew over USB with the older one: mpfleet deploy --firmware FILE."
        )
        raise HostError("older-firmware", sentence)


def note_firmware(session, device, *, now=None):
    """The board said what firmware it runs: it is not to be lost by what was offered before."""
    assignment = opened(session, device.id)
    if assignment and _why_lost(device, assignment.release):
        move(session, assignment, "superseded", "older-firmware", utc(now))


def next_id(session, now):
    """The number of the next assignment: above all here, and by the clock.

    A board starts none that it closed: not that of another host either, or of this one before it
    was restored from a backup.
    """
    newest = session.scalar(select(func.max(Assignment.id))) or 0
    return max(newest + 1, int((now - _EPOCH).total_seconds()))


def _why_lost(device, release):
    return downgrade.why(release.images, device.model, device.firmware)


def _offer(session, device: Device, release, who, now):
    close(session, device.id, f"release-{release.number}", now=now)
    is_there = device.number == release.number
    assignment = Assignment(
        id=next_id(session, now), device=device, release=release, created_at=now, updated_at=now,
        interruptions=0,
        state="done" if is_there else "offered", reason="already-running" if is_there else None,
    )  # fmt: skip
    session.add(assignment)
    session.flush()
    why = f"release {release.number}"
    events.add(session, who, f"device {device.id}", "assigned", why, now=now)
    outbox.put(session, device.id, outbox.CHECK, now=now)
    return assignment


def move(session, assignment, state, reason, now, who=events.HOST):
    """An assignment is in another state, for a reason; which is an event."""
    assignment.state, assignment.reason, assignment.updated_at = state, reason, now
    if state == "offered":
        assignment.step = None
    session.flush()  # before another becomes open: the database allows one
    if state in FAILED and reason not in SPARED:
        _hold(session, assignment)
    what = INTERRUPTED if state == "offered" else stage(assignment)
    _note(session, assignment, what, now, reason, who)


def _hold(session, assignment):
    """No other rollout offers a device what it failed with, until a person says *retry*."""
    others = select(Rollout.id).where(Rollout.release_id == assignment.release_id)
    if assignment.rollout_id is not None:
        others = others.where(Rollout.id != assignment.rollout_id)
    places = update(RolloutDevice).where(
        RolloutDevice.device_id == assignment.device_id, RolloutDevice.rollout_id.in_(others)
    )
    session.execute(places.values(is_held=True), execution_options={"synchronize_session": False})


def _note(session, assignment, what, now, reason=None, who=events.HOST):
    why = f"release {assignment.release.number}" + (f": {reason}" if reason else "")
    events.add(session, who, _subject(assignment), what, why, now=now)


def _subject(assignment):
    return f"device {assignment.device_id}"
