"""The keys of the fleet as people see them, and changing them."""

from sqlalchemy import select

from host.errors import HostError
from host.metadata import changes, keys
from host.models import Signer
from host.services import accounts, events, permissions, proposals
from host.services.clock import utc

ROLES = ("root", "targets", "online")


def listed(session, store):
    """Every key that the root names: {"keyid", "roles", "user", "held"}, by role."""
    root = store.repository.trusted().root
    people = {one.keyid: one for one in session.scalars(select(Signer))}
    held = {key.keyid for role in ROLES if (key := store.vault.public(role))}
    found = {}
    for name, role in sorted(root.roles.items()):
        for keyid in role.keyids:
            found.setdefault(keyid, []).append(name)
    return [
        {
            "keyid": keyid,
            "roles": roles,
            "user": people[keyid].user.email if keyid in people and people[keyid].user else None,
            "held": keyid in held,
        }
        for keyid, roles in found.items()
    ]


def roles(store):
    """Of each role: version, expiry, threshold."""
    trusted, expiries = store.repository.trusted(), store.repository.expiries()
    thresholds = {name: role.threshold for name, role in trusted.root.roles.items()}
    return [
        {
            "role": name,
            "version": version,
            "expires": expiries[name],
            "threshold": thresholds.get(name, thresholds["targets"]),
        }
        for name, version in store.repository.versions().items()
    ]


def add(session, store, admin, role, public, email, thresholds=None, *, now=None):
    """Propose that a person's key signs a role.

    Raises: HostError `bad-key`, `not-found`, `bad-request`, and those of proposals.propose.
    """
    if role not in changes.SIGNING_ROLES:
        raise HostError("bad-request", "A person's key signs root or targets.")
    key = keys.public(public)
    user = accounts.find(session, email)
    kept = session.get(Signer, key.keyid)
    if kept is not None and (kept.revoked_at or kept.user_id != user.id):
        raise HostError("bad-key", "The key cannot be used: it was revoked, or is another's.")
    given = [[role, keys.describe(key)]]
    return proposals.propose(
        session, store, admin, "keys", add=given, thresholds=thresholds or {}, holder=user.id,
        now=now,
    )  # fmt: skip


def revoke(session, store, admin, keyid, thresholds=None, *, now=None):
    """Propose that a key signs nothing any more.

    Raises: HostError `no-key`, `bad-request`: too few keys would be left.
    """
    there = store.repository.trusted().root.keys
    found = [one for one in there if keyid and one.startswith(keyid)]
    if len(found) != 1:
        raise HostError("no-key", f"{len(found)} keys of the root begin with {keyid[:64]!r}.")
    return proposals.propose(
        session, store, admin, "keys", remove=found, thresholds=thresholds or {}, now=now
    )


def rotate(session, settings, store, admin, role, passphrase, *, now=None):
    """Make another key in place of one that the host holds, and propose it.

    Raises: HostError `forbidden`, `no-key`; KeptError `wrong-passphrase`.
    """
    permissions.require(admin, "key.manage")
    old = store.vault.public(role) if role in ROLES else None
    if old is None:
        raise HostError("no-key", f"The host holds no key for {role[:32]!r}.")
    proposals.unseal(session, settings, store, admin, passphrase, now=now)
    new = keys.new()
    store.vault.put_next(role, new, None if role == "online" else passphrase)
    events.add(session, admin.email, "metadata", "key-made", role, now=utc(now))
    return proposals.propose(
        session, store, admin, "keys", remove=[old.keyid],
        add=[[role, keys.describe(new.public_key)]], now=now,
    )  # fmt: skip


def hand_over(session, store, role, passphrase, email):
    """The bytes of a key file that leaves the host, to this person from now on.

    Raises: HostError `no-key`, `wrong-passphrase`, `not-found`.
    """
    user = accounts.find(session, email)
    content = store.vault.take_out(role, passphrase)
    signer = session.get(Signer, keys.public_of(content).keyid)
    if signer is not None:
        signer.user_id = user.id
    events.add(session, events.HOST, "metadata", "key-exported", f"{role} to {user.email}"[:200])
    return content
