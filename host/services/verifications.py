"""The gate's part of a release's life: jobs for workers, findings, waivers, and their verdict.

The job is a row beside the release, made in the transaction that completes the upload: none is
lost and none is there too early. A worker holds it by signs of life; one that dies is followed.
"""

from datetime import timedelta

from sqlalchemy import delete, or_, select, update

from host.errors import HostError
from host.models import Assignment, Device, Finding, Release, Verification
from host.models.assignment import OPEN
from host.services import events, permissions
from host.services.clock import utc
from host.verification import finding as found
from host.verification.checks import CHECKS

GATE = "gate"
LEASE_S = 15  # without a sign of life: then another worker begins anew
_ATTEMPTS_MAX = 3  # of workers that died over it
_JUDGED = ("verifying", "verified", "rejected")
_FINDINGS_MAX = 200  # that a rig hands in at once


def begin(session, settings, release, who, *, now=None):
    """A release is whole: queue its verification, or say that nobody tries it here."""
    now = utc(now)
    release.state = "verifying"
    session.execute(delete(Finding).where(Finding.release_id == release.id))
    job = session.get(Verification, release.id) or Verification(release_id=release.id)
    job.state, job.queued_at, job.queued_by = "waiting", now, who
    job.owner = job.beat_at = None
    job.attempts, job.check, job.step, job.steps, job.detail = 0, "", 0, len(CHECKS), ""
    job.started_at = job.ended_at = None
    session.add(job)
    session.flush()
    if settings.verification == "off":
        job.steps = 0
        _end(session, job, release, [_not_tried()], now)


def again(session, settings, release, user, *, now=None):
    """Try a release anew. Raises: HostError `not-ready`, `signed-already`, `withdrawn`."""
    must_be_whole(release)
    if release.state == "withdrawn":
        raise HostError("withdrawn", f"Release {release.number} was withdrawn.")
    if release.state == "approved":
        message = f"Release {release.number} is approved: what was found stays with it."
        raise HostError("signed-already", message)
    events.add(session, user.email, release.subject, "verify", "tried anew", now=utc(now))
    begin(session, settings, release, user.email, now=now)


def of(session, release):
    """The job of a release, or None where it was made before there was a gate."""
    return session.get(Verification, release.id)


def findings(session, release):
    """What was found, in the order of the checks."""
    query = select(Finding).where(Finding.release_id == release.id).order_by(Finding.id)
    return list(session.scalars(query))


def field(session, release):
    """Releases that boards of the product run or are to run, and that this one can follow."""
    runs = select(Device.number).where(
        Device.product == release.product, Device.state == "claimed", Device.number.is_not(None)
    )
    assigned = (
        select(Release.number)
        .join(Assignment, Assignment.release_id == Release.id)
        .where(Release.product == release.product, Assignment.state.in_(OPEN))
    )
    query = (
        select(Release)
        .where(Release.product == release.product, Release.number < release.number)
        .where(or_(Release.number.in_(runs), Release.number.in_(assigned)))
        .where(Release.state != "draft")
        .order_by(Release.number)
    )
    return list(session.scalars(query))


def take(session, owner, is_dead=lambda _: False, *, now=None):
    """Give the oldest job that nobody works on to a worker: the job, or None.

    What a worker left by dying is taken too: once its signs of life stay away, or at once where
    `is_dead(owner)`. A release that three died over is rejected.
    """
    now = utc(now)
    owners = select(Verification.owner).where(Verification.state == "running")
    dead = [one for one in session.scalars(owners) if is_dead(one)]
    is_free = or_(
        Verification.state == "waiting",
        (Verification.state == "running")
        & (
            (Verification.beat_at < now - timedelta(seconds=LEASE_S))
            | Verification.owner.in_(dead)
        ),
    )
    query = select(Verification).where(is_free).order_by(Verification.queued_at)
    for job in session.scalars(query).all():
        before = job.owner
        mine = (Verification.release_id == job.release_id) & (
            Verification.owner.is_(None) if before is None else Verification.owner == before
        )
        taken = update(Verification).where(mine & is_free).values(owner=owner, beat_at=now)
        if session.execute(taken).rowcount != 1:
            continue  # another worker was faster
        session.refresh(job)
        job.state, job.started_at, job.attempts = "running", now, job.attempts + 1
        if job.attempts <= _ATTEMPTS_MAX:
            return job
        _end(session, job, session.get(Release, job.release_id), [_deadly()], now)
    return None


def beat(session, release_id, owner, check=None, step=0, detail="", *, now=None):
    """A worker's sign of life, with what it does now; whether the job is still its own."""
    job = _job_of(session, release_id, owner)
    if job is None:
        return False
    job.beat_at = utc(now)
    if check is not None:
        job.check, job.step, job.detail = check, step, detail[:200]
    return session.get(Release, release_id).state == "verifying"


def leave(session, release_id, owner):
    """A worker ends and did not: the job waits again, and this counts as no attempt."""
    job = _job_of(session, release_id, owner)
    if job is not None:
        job.state, job.owner, job.beat_at, job.attempts = "waiting", None, None, job.attempts - 1


def finish(session, release_id, owner, made, *, now=None):
    """Keep what was found and judge the release; False where the job was taken away meanwhile."""
    job = _job_of(session, release_id, owner)
    if job is None:
        return False
    _end(session, job, session.get(Release, release_id), made, utc(now))
    return True


def waive(session, release, finding_id, user, reason, *, now=None):
    """A person answers for a failed finding. Raises: HostError `forbidden`, `not-found`, …"""
    permissions.require(user, "release.waive")
    one = session.get(Finding, finding_id)
    if one is None or one.release_id != release.id:
        raise HostError("not-found", f"Release {release.number} has no finding {finding_id}.")
    if one.level != found.FAIL:
        raise HostError("bad-request", "Only a failed finding can be waived.")
    if one.waived_at is None:
        one.waived_at, one.waived_by, one.waived_why = utc(now), user.email, reason
        why = f"{one.title}: {reason}"
        events.add(session, user.email, release.subject, "waived", why, now=one.waived_at)
    _judge(session, release, utc(now))


def hand_in(session, release, source, made, user, *, now=None):
    """Findings of a rig, in place of what it handed in before.

    Raises: HostError `bad-request`, `not-ready`.
    """
    must_be_whole(release)
    if source == GATE or not made or len(made) > _FINDINGS_MAX:
        raise HostError("bad-request", f"1 to {_FINDINGS_MAX} findings, of a source with a name.")
    ours = (Finding.release_id == release.id) & (Finding.source == source)
    session.execute(delete(Finding).where(ours))
    _keep(session, release, source, made, utc(now))
    events.add(session, user.email, release.subject, "tried", source, now=utc(now))
    _judge(session, release, utc(now))


def must_be_whole(release):
    """Raises: HostError `not-ready`."""
    if release.state == "draft":
        raise HostError("not-ready", f"Release {release.number} is still being uploaded.")


def must_be_verified(session, release):
    """Raises: HostError `not-ready`, `not-verified`, `rejected`."""
    must_be_whole(release)
    if release.state == "verifying":
        message = f"Release {release.number} is still being tried. Wait for what is found."
        raise HostError("not-verified", message)
    opened = [one for one in findings(session, release) if one.is_open]
    if opened:
        named = "; ".join(one.title for one in opened[:3])
        message = f"Release {release.number} was rejected: {named}. An admin may waive a finding."
        raise HostError("rejected", message)


def _job_of(session, release_id, owner):
    """The job that this worker has, or None: it is not its own any more."""
    job = session.get(Verification, release_id)
    return job if job and (job.owner, job.state) == (owner, "running") else None


def _end(session, job, release, made, now):
    ours = (Finding.release_id == release.id) & (Finding.source == GATE)
    session.execute(delete(Finding).where(ours))
    _keep(session, release, GATE, made, now)
    job.state, job.check, job.step, job.detail, job.ended_at = "done", "", job.steps, "", now
    _judge(session, release, now, is_over=True)


def _keep(session, release, source, made, now):
    for one in made:
        kept = one.bounded()
        session.add(Finding(
            release_id=release.id, source=source, at=now, check=kept.check[:32], level=kept.level,
            title=kept.title, sentence=kept.sentence, log=kept.log,
        ))  # fmt: skip
    session.flush()


def _judge(session, release, now, is_over=False):
    """What the findings make of a release; an approved or withdrawn one stays that."""
    if release.state not in _JUDGED or (release.state == "verifying" and not is_over):
        return
    opened = [one for one in findings(session, release) if one.is_open]
    state = "rejected" if opened else "verified"
    if state != release.state:
        release.state = state
        why = "; ".join(one.title for one in opened)[:1000]
        events.add(session, events.HOST, release.subject, state, why, now=now)


def _not_tried():
    sentence = "Verification is switched off on this host, so no board has run this release."
    return found.Finding("gate", found.WARN, "Not tried", sentence)


def _deadly():
    sentence = (
        "Three workers died while they tried it, one after the other: it takes more than the "
        "limits hold, or this machine is too small. The host's log says how they ended."
    )
    return found.Finding("gate", found.FAIL, "The verifier did not survive it", sentence)

