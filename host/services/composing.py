"""What a proposal makes, composed anew of the newest metadata whenever somebody looks.

So nothing that lies in the database can slip into what is signed.
"""

from sqlalchemy import select

from host.metadata import changes, parts
from host.models import Assignment, Device, Release, Rollout
from host.models.assignment import OPEN
from host.models.rollout import ACTIVE
from host.services import releases, trust

ACTIONS = {"approve": "release.approve", "withdraw": "release.approve"}  # others: key.manage


def composed(session, store, proposal):
    """What a proposal makes: (what is trusted, the change, {role: signed part})."""
    trusted = store.repository.trusted()
    change = change_of(session, proposal)
    return trusted, change, changes.compose(trusted, change)


def change_of(session, proposal):
    """A proposal as the change that everybody composes for themselves."""
    more = dict(proposal.details)
    target = {}
    if proposal.kind in ACTIONS:
        target["path"] = changes.path_of(proposal.product, proposal.number)
    if proposal.kind == "approve":
        release = releases.find(session, proposal.product, proposal.number)
        custom = changes.custom(release.product, release.number, release.boards)
        target |= {"content": release.manifest, "custom": custom}
    if proposal.kind == "fleet":
        target = {"path": changes.FLEET, "content": more["fleet"].encode()}
    return changes.Change(
        kind=proposal.kind, base=proposal.base, version=proposal.version, issued=proposal.issued,
        removals=tuple(more.get("removals", ())), remove=tuple(more.get("remove", ())),
        add=tuple((role, public) for role, public in more.get("add", ())),
        thresholds=more.get("thresholds", {}), **target,
    )  # fmt: skip


def standing(session, store, proposal):
    """Who signed and how many it takes: {role: [(signed by, threshold), …]}, a seat each."""
    trusted, _, made = composed(session, store, proposal)
    return {
        role: [(people(proposal, role, seat), seat.threshold) for seat in found]
        for role, found in parts.seats(trusted, made).items()
    }


def people(proposal, role, seat):
    """Who signed a part: people are counted, not keys."""
    ours = [one for one in proposal.signatures if one.role == role and one.keyid in seat.keys]
    return sorted({one.user.email for one in ours})


def rebase(session, store, proposal, now):
    """Put a proposal onto the newest metadata; signatures over what it made before are void."""
    trusted = store.repository.trusted()
    seen = trust.seen_versions(session)
    roles = ("targets", proposal.product)
    proposal.base = trusted.targets.version
    proposal.version = max(proposal.base, *(seen.get(role, 0) for role in roles)) + 1
    proposal.issued = now.replace(microsecond=0)
    proposal.signatures.clear()
    path = proposal.product and changes.path_of(proposal.product, proposal.number)
    if proposal.kind == "withdraw" and path not in trusted.entries():
        proposal.state = "signed"
    if proposal.kind == "approve":
        _make_room(session, proposal, trusted)


def _make_room(session, proposal, trusted):
    runs = select(Device.number).where(
        Device.product == proposal.product, Device.number.is_not(None), Device.state == "claimed"
    )
    assigned = (
        select(Release.number)
        .join(Assignment, Assignment.release_id == Release.id)
        .where(Release.product == proposal.product, Assignment.state.in_(OPEN))
    )
    rolled = (
        select(Release.number)
        .join(Rollout, Rollout.release_id == Release.id)
        .where(Release.product == proposal.product, Rollout.state.in_(ACTIVE))
    )
    numbers = {number for query in (runs, assigned, rolled) for number in session.scalars(query)}
    kept = {changes.path_of(proposal.product, number) for number in numbers}
    change = change_of(session, proposal)
    removals = list(changes.removals(trusted, change, kept))
    proposal.details = {**proposal.details, "removals": removals}
