"""Changes to the signed metadata: proposed, signed by as many people as it takes, published."""

from datetime import timedelta

from sqlalchemy import select

from host.errors import HostError, KeptError
from host.metadata import keys, parts
from host.models import Assignment, Proposal, ProposalSignature, Release, Signer, User
from host.models.assignment import OPEN
from host.services import (
    composing,
    events,
    limits,
    outbox,
    permissions,
    releases,
    trust,
    verifications,
)
from host.services.clock import utc

_WAIT_MAX = timedelta(days=20)  # less than what changes.is_plausible takes


def propose(session, store, user, kind, *, product=None, number=None, reason="", now=None, **more):
    """A proposal, or the same one that is open already. `more` are its details.

    Raises: HostError as `draft`.
    """
    proposal = draft(session, store, user, kind, product=product, number=number, now=now, **more)
    if proposal.id is None:
        proposal.reason = reason
        session.add(proposal)
        session.flush()
        why = reason or kind
        events.add(session, user.email, proposal.subject, "proposed", why, now=now)
    return proposal


def draft(session, store, user, kind, *, product=None, number=None, now=None, **more):
    """What would be proposed, not kept: for a look at what it changes. An open one is that.

    Raises: HostError `forbidden`, `not-found`, `not-ready`, `withdrawn`, `bad-request`.
    """
    _must_be_allowed(user, kind)
    now = utc(now)
    settle(session, store, now=now)
    if kind in composing.ACTIONS:
        _must_be_possible(session, store, kind, product, number)
    for one in listed(session):
        same = {**one.details, "removals": None} == {**more, "removals": None}
        if (one.kind, one.product, one.number) == (kind, product, number) and same:
            return one
    proposal = Proposal(
        kind=kind, product=product, number=number, details=more, state="open", reason="",
        created_at=now, created_by=user, base=0, version=0, issued=now,
    )  # fmt: skip
    composing.rebase(session, store, proposal, now)
    composing.composed(session, store, proposal)  # refuses what cannot be, before anybody sees it
    return proposal


def listed(session, state="open"):
    """Proposals in a state, the oldest first."""
    query = select(Proposal).where(Proposal.state == state).order_by(Proposal.id)
    return list(session.scalars(query))


def find(session, proposal_id):
    """One proposal. Raises: HostError `not-found`."""
    proposal = session.get(Proposal, proposal_id)
    if proposal is None:
        raise HostError("not-found", f"There is no proposal {proposal_id}.")
    return proposal


def of_release(session, release, kind="approve"):
    """The open proposal about a release, or None."""
    query = select(Proposal).where(
        Proposal.state == "open", Proposal.kind == kind, Proposal.product == release.product,
        Proposal.number == release.number,
    )  # fmt: skip
    return session.scalars(query).first()


def sign(session, store, proposal, user, signatures, base, *, now=None):
    """Take a person's signatures, (role, key id, hex) each; publish when they are enough.

    Raises: HostError `stale-proposal`, `not-a-signer`, `bad-signature`, `signed-already`.
    """
    for _, keyid, _ in signatures:
        if not _is_theirs(session, proposal, keyid, user):
            raise HostError("not-a-signer", f"The key {keyid[:16]}… is not yours.")
    _take(session, store, proposal, user, signatures, base, utc(now))


def sign_held(session, settings, store, proposal, user, passphrase, base=None, *, now=None):
    """Sign with the keys that the host holds and the passphrase opens.

    Raises: HostError as `sign`; KeptError `wrong-passphrase`, `rate-limited`.
    """
    _must_be_allowed(user, proposal.kind)
    now = utc(now)
    held = unseal(session, settings, store, user, passphrase, now=now)
    trusted, _, made = composing.composed(session, store, proposal)
    signatures = [
        (role, *parts.sign(key, made[role]))
        for role, found in parts.seats(trusted, made).items()
        for key in held
        if any(key.public_key.keyid in seat.keys for seat in found)
    ]
    if not signatures:
        raise HostError("no-key", "The host does not hold the key this takes: sign with your own.")
    _take(session, store, proposal, user, signatures, proposal.base if base is None else base, now)


def unseal(session, settings, store, user, passphrase, *, now=None):
    """The keys of the host that a passphrase opens; wrong ones are counted.

    Raises: HostError `no-key`; KeptError `wrong-passphrase`, `rate-limited`.
    """
    limits.hit(session, settings, "passphrase:user", str(user.id), now=now)
    try:
        held = store.vault.held(passphrase)
    except HostError as error:
        raise KeptError(error.code, error.message) from error
    limits.clear(session, "passphrase:user", str(user.id))
    return held


def drop(session, proposal, user, *, now=None):
    """Nobody signs this any more. Raises: HostError `forbidden`, `stale-proposal`."""
    _must_be_allowed(user, proposal.kind)
    _must_be_open(proposal)
    proposal.state = "dropped"
    events.add(session, user.email, proposal.subject, "dropped", proposal.kind, now=now)


def settle(session, store, *, now=None):
    """Bring open proposals onto the newest metadata: signatures over older bytes are void.

    So are those of a proposal that waited too long: an approver signs no time long past.
    """
    now, newest = utc(now), store.repository.trusted().targets.version
    for proposal in listed(session):
        if proposal.base != newest or now - proposal.issued > _WAIT_MAX:
            composing.rebase(session, store, proposal, now)


def note_approved(session, store, product=None):
    """Have the states of releases say what the signed targets say: of a product, or of all."""
    if not store.repository.exists:
        return
    for release in releases.listed(session, product):
        is_approved = trust.is_approved(store, release)
        if is_approved and release.state in ("verified", "rejected", "verifying"):
            release.state = "approved"
        elif not is_approved and release.state == "approved":  # it made room for others
            release.state = "verified"


def _take(session, store, proposal, user, signatures, base, now):
    _must_be_open(proposal)
    if proposal.kind == "approve":
        release = releases.find(session, proposal.product, proposal.number)
        verifications.must_be_verified(session, release)
    trusted, change, made = composing.composed(session, store, proposal)
    if base != proposal.base:
        raise HostError("stale-proposal", f"It is to targets {proposal.base} now. Look again.")
    found = parts.seats(trusted, made)
    for role, keyid, signature in signatures:
        if role not in made:
            raise HostError("bad-request", f"{role[:32]!r} does not change here.")
        parts.verify(role, made[role], keyid, signature, found[role])
        _must_be_another(proposal, role, keyid, user, found[role])
        proposal.signatures.append(
            ProposalSignature(
                role=role, keyid=keyid, signature=signature, user=user, created_at=now
            )
        )
    session.flush()
    events.add(session, user.email, proposal.subject, "signed", proposal.kind, now=now)
    if _is_complete(proposal, found):
        _publish(session, store, proposal, change, made, now)


def _publish(session, store, proposal, change, made, now):
    seen = trust.seen_versions(session)
    signatures = {role: {} for role in made}
    for one in proposal.signatures:
        signatures[one.role][one.keyid] = one.signature
    root = made.get("root", store.repository.trusted().root)
    store.repository.publish(
        made, signatures, store.vault.online(root.roles["timestamp"].keyids), now,
        content=change.content if proposal.kind == "fleet" else b"",
        above=max(seen.get("snapshot", 0), seen.get("timestamp", 0)),
    )  # fmt: skip
    store.vault.promote(root.keys)
    proposal.state = "signed"
    _apply_keys(session, proposal, now)
    note_approved(session, store, proposal.product)
    events.add(session, events.HOST, proposal.subject, "published", proposal.kind, now=now)
    session.flush()
    for other in listed(session):
        composing.rebase(session, store, other, now)
    if proposal.kind == "approve":
        _tell(session, proposal, now)


def _apply_keys(session, proposal, now):
    more = proposal.details
    for keyid in more.get("remove", ()):
        signer = session.get(Signer, keyid)
        if signer:
            signer.revoked_at = now
    for role, value in more.get("add", ()):
        key = keys.public(value)
        if session.get(Signer, key.keyid) is None:
            user = session.get(User, more["holder"]) if "holder" in more else None
            trust.add_signer(session, key, role, user, now=now)


def _tell(session, proposal, now):
    """Boards that wait for this release look again at once."""
    waiting = (
        select(Assignment.device_id)
        .join(Release, Release.id == Assignment.release_id)
        .where(Assignment.state.in_(OPEN), Release.product == proposal.product)
        .where(Release.number == proposal.number)
    )
    for device_id in session.scalars(waiting):
        outbox.put(session, device_id, outbox.CHECK, now=now)


def _must_be_possible(session, store, kind, product, number):
    release = releases.find(session, product, number)
    if kind == "withdraw":
        return
    if release.withdrawn_at:
        message = f"Release {number} was withdrawn. mpfleet release again {number} makes another."
        raise HostError("withdrawn", message)
    if trust.is_approved(store, release):
        raise HostError("signed-already", f"Release {number} of {product} is approved.")
    verifications.must_be_verified(session, release)


def _must_be_allowed(user, kind):
    permissions.require(user, composing.ACTIONS.get(kind, "key.manage"))


def _must_be_open(proposal):
    if proposal.state != "open":
        raise HostError("stale-proposal", f"Proposal {proposal.id} is {proposal.state}.")


def _is_theirs(session, proposal, keyid, user):
    """Whether a key stands for a person: also one that this very proposal adds."""
    signer = session.get(Signer, keyid)
    if signer is not None:
        return signer.user_id == user.id and signer.revoked_at is None
    added = {keys.public(value).keyid for _, value in proposal.details.get("add", ())}
    return keyid in added and proposal.details.get("holder") == user.id


def _must_be_another(proposal, role, keyid, user, found):
    for one in proposal.signatures:
        is_ours = one.user is user and any(keyid in s.keys and one.keyid in s.keys for s in found)
        if one.role == role and (one.keyid == keyid or is_ours):
            who = one.user.email
            raise HostError("signed-already", f"{who} has signed; another person must, too.")


def _is_complete(proposal, found):
    every = [(role, seat) for role, seats in found.items() for seat in seats]
    return all(
        len(composing.people(proposal, role, seat)) >= seat.threshold for role, seat in every
    )
