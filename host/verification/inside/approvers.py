"""Who signs for the boards in the sandbox: keys of a moment, and metadata over a few releases."""

import datetime as dt
import hashlib

from tuf.api.metadata import MetaFile, Snapshot, TargetFile, Timestamp

from host.metadata import changes, keys, parts, periods


class Approvers:
    """`root` is for deploy; `files` what a host serves of the metadata over these releases."""

    version = 1  # of timestamp.json

    def __init__(self):
        self._now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        self._keys = {role: keys.new() for role in ("root", "targets", "online")}
        public = {role: key.public_key for role, key in self._keys.items()}
        first = changes.first([public["root"]], [public["targets"]], public["online"], self._now)
        self._targets = first["targets"]
        self.root = self._signed(first["root"], "root")

    def files(self, releases):
        """Bytes by path of the device API."""
        now = self._now
        targets = type(self._targets)(
            version=1, expires=self._targets.expires, targets=dict(map(_target, releases)),
            unrecognized_fields=self._targets.unrecognized_fields,
        )  # fmt: skip
        snapshot = Snapshot(
            version=1, expires=now + periods.period("snapshot"),
            meta={"targets.json": MetaFile(1)},
        )  # fmt: skip
        timestamp = Timestamp(
            version=1, expires=now + periods.period("timestamp"), snapshot_meta=MetaFile(1)
        )
        return {
            "/metadata/1.root.json": self.root,
            "/metadata/1.targets.json": self._signed(targets, "targets"),
            "/metadata/1.snapshot.json": self._signed(snapshot, "online"),
            "/metadata/timestamp.json": self._signed(timestamp, "online"),
        }

    def _signed(self, signed, role):
        return parts.envelope(signed, dict([parts.sign(self._keys[role], signed)]))


def _target(release):
    value = release.value
    path = changes.path_of(value["product"], value["number"])
    hashes = {"sha256": hashlib.sha256(release.manifest).hexdigest()}
    custom = changes.custom(value["product"], value["number"], value["boards"])
    return path, TargetFile(len(release.manifest), hashes, path, {"custom": custom})
