"""Taking a release back: from assignments at once, from what boards trust once it is signed."""

from host.metadata import changes
from host.services import assignments, events, proposals, rollouts
from host.services.clock import utc


def withdraw(session, store, release, user, reason, *, now=None):
    """Offer a release to nobody any more; the proposal that waits for signatures, or None.

    None where boards never trusted it. Raises: HostError `forbidden`.
    """
    now = utc(now)
    if release.withdrawn_at is None:
        release.withdrawn_at, release.withdrawn_why = now, reason
        release.state = "withdrawn"
        events.add(session, user.email, release.subject, "withdrawn", reason, now=now)
    rollouts.withdraw(session, release, user.email, now=now)
    assignments.withdraw(session, release, now=now)
    waiting = proposals.of_release(session, release)
    if waiting is not None:
        proposals.drop(session, waiting, user, now=now)
    path = changes.path_of(release.product, release.number)
    if not store.repository.exists or path not in store.repository.trusted().entries():
        return None
    return proposals.propose(
        session, store, user, "withdraw", product=release.product, number=release.number,
        reason=reason, now=now,
    )  # fmt: skip
