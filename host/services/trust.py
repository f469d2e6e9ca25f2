"""The fleet's trust on this host: its repository and keys, how they begin, what boards trust."""

from pathlib import Path

from sqlalchemy import select

from host.errors import HostError
from host.metadata import changes, keys, parts, periods, room
from host.metadata.repository import Repository
from host.metadata.vault import Vault
from host.models import SeenVersion, Signer
from host.services import events
from host.services.clock import utc

_AHEAD_MAX = 10_000  # versions; a board that says more is not believed
_ROLES_MAX = 64  # in one message
# How many versions may have been published since the backup of a restored host. Online ones are
# numbered by the clock, so that the next is above all that was; one more makes it be signed now.
_SINCE_BACKUP = {"targets": 1000, "snapshot": 1, "timestamp": 1}


class Trust:
    """The repository and the keys of a data folder."""

    def __init__(self, data_folder):
        self.repository = Repository(Path(data_folder) / "metadata")
        self.vault = Vault(Path(data_folder) / "keys")


def found(session, trust, passphrase, *, now=None):
    """Make keys and the first metadata, unless the fleet has them; whether it had not.

    Raises: HostError `no-metadata`: the fleet has signers, so its metadata was lost.
    """
    now = utc(now)
    if trust.repository.exists:
        return False
    if session.scalars(select(Signer).limit(1)).first():
        folder = trust.repository.folder
        message = f"{folder} is gone, and boards trust what was in it: put it back from a backup."
        raise HostError("no-metadata", message)
    made = {role: keys.new() for role in ("root", "targets", "online")}
    for role, key in made.items():
        trust.vault.put(role, key, None if role == "online" else passphrase)
        add_signer(session, key.public_key, role, None, now=now)
    events.add(session, events.HOST, "metadata", "founded", now=now)
    first = changes.first(
        [made["root"].public_key], [made["targets"].public_key], made["online"].public_key, now
    )
    signatures = {role: dict([parts.sign(made[role], signed)]) for role, signed in first.items()}
    session.flush()
    trust.repository.publish(first, signatures, made["online"], now)
    return True


def renew(session, trust, *, now=None):
    """Sign snapshot and timestamp anew where that is due; whether it was."""
    seen = seen_versions(session)
    above = max(seen.get("snapshot", 0), seen.get("timestamp", 0))
    root = trust.repository.trusted().root
    trust.vault.promote(root.keys)
    signer = trust.vault.online(root.roles["timestamp"].keyids)
    return trust.repository.renew(signer, utc(now), above=above)


def add_signer(session, key, role, user, *, now=None):
    """Note whose key one is; a host's own is nobody's."""
    session.add(
        Signer(
            keyid=key.keyid, public=keys.describe(key), role=role, created_at=utc(now),
            user_id=user.id if user else None,
        )
    )  # fmt: skip


def is_approved(trust, release):
    """Whether boards would take a release: its very manifest is among the signed targets."""
    if not trust.repository.exists:
        return False
    path = changes.path_of(release.product, release.number)
    trusted = trust.repository.trusted()
    entry = trusted.targets.targets.get(path)
    if entry is None and release.product in trusted.roles:
        entry = trusted.roles[release.product].targets.get(path)
    return entry is not None and entry.hashes.get("sha256") == release.manifest_sha256


def alarms(session, trust, *, now=None):
    """What somebody should do something about, a sentence each."""
    if not trust.repository.exists:
        return []
    behind = periods.behind(trust.repository.versions(), seen_versions(session))
    trusted = trust.repository.trusted()
    full = room.alarms(trusted.targets, trusted.root)
    return behind + periods.alarms(trust.repository.expiries(), utc(now)) + full


def difference(trusted, change, made):
    """What a change makes different, as sentences for the person who signs."""
    return changes.difference(trusted, made, change)


def note_seen(session, trust, device, said):
    """Keep the highest version of each role that a board of ours says it trusts.

    An odd value is left out: one board must not be able to use up all versions.
    """
    is_ours = device is not None and device.state == "claimed"
    if not isinstance(said, dict) or not is_ours or not trust.repository.exists:
        return
    ours = trust.repository.versions()
    for role, version in list(said.items())[:_ROLES_MAX]:
        most = ours.get(role, 0) + _AHEAD_MAX
        if role in ours and _is_version(version) and version <= most:
            _keep_highest(session, role, version)


def note_restored(session, trust):
    """What is signed next must be above all that boards may have trusted since the backup."""
    if trust.repository.exists:
        ours = trust.repository.versions()
        for role, count in _SINCE_BACKUP.items():
            _keep_highest(session, role, ours[role] + count)


def seen_versions(session):
    """The highest version of each role that a board has trusted."""
    return {one.role: one.version for one in session.scalars(select(SeenVersion))}


def _keep_highest(session, role, version):
    kept = session.get(SeenVersion, role)
    if kept is None:
        session.add(SeenVersion(role=role, version=version))
        session.flush()
    elif version > kept.version:
        kept.version = version


def _is_version(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
