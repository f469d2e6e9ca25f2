"""The public metadata on disk, as it is served; each file is written whole."""

import contextlib
import fcntl
import hashlib
import json
import re

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Snapshot, Timestamp
from tuf.api.serialization import DeserializationError

from host import files
from host.errors import HostError
from host.metadata import changes, parts, periods

_NAME = re.compile(r"(\d{1,10}\.)?[a-z][a-z0-9-]{0,31}\.json")
_TIMESTAMP = "timestamp.json"
_SNAPSHOTS_KEPT = 20  # a board may be in the middle of a refresh


class Repository:
    """A folder of metadata. Only `publish` and `renew` write, one process at a time."""

    def __init__(self, folder):
        self.folder = folder
        self._seen = None  # (mark of timestamp.json, its version, Trusted)

    @property
    def exists(self):
        """Whether a first root was published."""
        return (self.folder / _TIMESTAMP).exists()

    def read(self, name):
        """The bytes served under a name, None where there are none."""
        if not _NAME.fullmatch(name):
            return None
        if name == changes.FLEET:
            return self._fleet()
        path = self.folder / name
        return path.read_bytes() if path.exists() else None

    def root(self):
        """The newest root's bytes. Raises: HostError `no-metadata`."""
        return self._read(f"{self._newest('root')}.root.json")

    def trusted(self):
        """What the newest metadata says. Raises: HostError `no-metadata`."""
        return self._look()[2]

    def version(self):
        """The version of timestamp.json, None where there is none yet: asked at each check-in."""
        return self._look()[1] if self.exists else None

    def expiries(self):
        """When each role's metadata expires."""
        timestamp = self._signed(_TIMESTAMP)
        snapshot = self._signed(f"{timestamp.snapshot_meta.version}.snapshot.json")
        online = {"timestamp": timestamp.expires, "snapshot": snapshot.expires}
        return {**self.trusted().expiries(), **online}

    def versions(self):
        """The version of each role."""
        trusted, timestamp = self.trusted(), self._signed(_TIMESTAMP)
        roles = {"root": trusted.root, "targets": trusted.targets, **trusted.roles}
        online = {"timestamp": timestamp.version, "snapshot": timestamp.snapshot_meta.version}
        return {**{role: one.version for role, one in roles.items()}, **online}

    def publish(self, made, signatures, signer, now, *, content=b"", above=0):
        """Publish new parts, {role: signed}, with {role: {key id: signature}} over them.

        `content` is the fleet's new target, `above` a version that snapshot and timestamp outrun.
        Raises: HostError `stale-proposal`, where somebody else published meanwhile.
        """
        with self._alone():
            if "targets" in made and self.exists:
                self._must_follow(made["targets"])
            if content:
                self._keep_fleet(content)
            files_made = {
                f"{signed.version}.{role}.json": parts.envelope(signed, signatures[role])
                for role, signed in made.items()
            }
            for name in sorted(files_made, key=_turn):
                files.write(self.folder / name, files_made[name])
            self._seal(signer, now, above)

    def renew(self, signer, now, *, above=0):
        """Sign snapshot and timestamp anew if one is due, not of the newest, or below `above`.

        Raises: HostError `no-metadata`.
        """
        with self._alone():
            if self._is_fresh(now, above):
                return False
            self._seal(signer, now, above)
            return True

    def _is_fresh(self, now, above):
        with contextlib.suppress(HostError):
            timestamp = self._signed(_TIMESTAMP)
            snapshot = self._signed(f"{timestamp.snapshot_meta.version}.snapshot.json")
            is_newest = snapshot.meta["targets.json"].version == self._newest("targets")
            is_young = not any(
                periods.is_due(one.type, one.expires, now) for one in (snapshot, timestamp)
            )
            return is_newest and is_young and timestamp.version >= above
        return False

    def _seal(self, signer, now, above):
        now = now.replace(microsecond=0)
        targets = self._signed(f"{self._newest('targets')}.targets.json")
        roles = targets.delegations.roles if targets.delegations else {}
        meta = {f"{role}.json": MetaFile(self._newest(role)) for role in ("targets", *roles)}
        before = self._signed(_TIMESTAMP).version if self.exists else 0
        at = periods.version(max(before, self._newest("snapshot", 0), above), now)
        snapshot = Snapshot(version=at, expires=now + periods.period("snapshot"), meta=meta)
        timestamp = Timestamp(
            version=at, expires=now + periods.period("timestamp"), snapshot_meta=MetaFile(at)
        )
        for signed, name in ((snapshot, f"{at}.snapshot.json"), (timestamp, _TIMESTAMP)):
            content = parts.envelope(signed, dict([parts.sign(signer, signed)]))
            files.write(self.folder / name, content)
        for version in sorted(self._versions("snapshot"))[:-_SNAPSHOTS_KEPT]:
            (self.folder / f"{version}.snapshot.json").unlink()

    def _look(self):
        try:
            status = (self.folder / _TIMESTAMP).stat()
        except FileNotFoundError:
            raise _missing(_TIMESTAMP) from None
        mark = (status.st_ino, status.st_mtime_ns)
        if self._seen is None or self._seen[0] != mark:
            timestamp = self._signed(_TIMESTAMP)
            snapshot = self._signed(f"{timestamp.snapshot_meta.version}.snapshot.json")
            meta = {name.removesuffix(".json"): m.version for name, m in snapshot.meta.items()}
            found = {role: self._signed(f"{n}.{role}.json") for role, n in meta.items()}
            targets = found.pop("targets")
            root = self._signed(f"{self._newest('root')}.root.json")
            self._seen = mark, timestamp.version, parts.Trusted(root, targets, found)
        return self._seen

    def _must_follow(self, targets):
        newest = self._newest("targets")
        if targets.version <= newest:
            message = f"Targets {newest} were published meanwhile. Ask again."
            raise HostError("stale-proposal", message)

    def _newest(self, role, default=None):
        versions = self._versions(role)
        if not versions and default is None:
            raise _missing(f"{role}.json")
        return max(versions, default=default)

    def _versions(self, role):
        pattern = f"*.{role}.json"
        numbers = (path.name.split(".")[0] for path in self.folder.glob(pattern))
        return [int(number) for number in numbers if number.isdecimal()]

    def _signed(self, name):
        try:
            return Metadata.from_bytes(self._read(name)).signed
        except (DeserializationError, RepositoryError) as error:
            message = f"{self.folder / name} is damaged: put it back from a backup."
            raise HostError("no-metadata", message) from error

    def _read(self, name):
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            raise _missing(name) from None

    def _fleet(self):
        entry = self.trusted().targets.targets.get(changes.FLEET)
        path = self.folder / "fleet" / f"{entry.hashes['sha256']}.json" if entry else None
        return path.read_bytes() if path and path.exists() else None

    def _keep_fleet(self, content):
        json.loads(content)
        folder = self.folder / "fleet"
        folder.mkdir(exist_ok=True)
        files.write(folder / f"{hashlib.sha256(content).hexdigest()}.json", content)

    @contextlib.contextmanager
    def _alone(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / ".lock", "a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _turn(name):
    """Who vouches comes after what is vouched for, and the root last."""
    return {"targets.json": 1, "root.json": 2}.get(name.split(".", 1)[1], 0)


def _missing(name):
    return HostError("no-metadata", f"The host has no {name}: start it with mpfleet serve.")
