"""A stolen host: who has its database, its online key and its broker can withhold, and no more.

One board, the real runtime, lives through everything that the thief tries, one after the other.
"""

import datetime as dt
import json
import queue
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from host import pki
from tests import memory
from tests.approvals import Approvals
from tests.faults.rig import Rig
from tests.faults.server import Content, Host
from tests.unit.device.update.repository import KEYS, digest, role

SIGNED, UNSIGNED, INSTALLED = 3, 2, 1  # numbers of releases
APPROVER, NEW_ONLINE = KEYS[3], KEYS[5]
RAW = "application/octet-stream"


class Loot(Content):
    """What the thief serves: `changed` bytes by path instead of the host's."""

    def __init__(self, releases, approvals):
        super().__init__(releases)
        self.approvals = approvals
        self.changed = {}

    def find(self, path, accept):
        if path in self.changed:
            return RAW, self.changed[path]
        if path.startswith("/metadata/"):
            return RAW, self.approvals.files()[path]
        return super().find(path, accept)


class Thief:
    """Owns a host that a board knows; `board` is on, and listens."""

    def __init__(self, rig, folder):
        self.releases = {n: rig.releases["app", n] for n in (INSTALLED, UNSIGNED, SIGNED)}
        self.approvals = Approvals(self.releases[INSTALLED], self.releases[SIGNED])
        self.repository = self.approvals.repository
        self.loot = Loot(self.releases.values(), self.approvals)
        self.host = Host(rig.folder / "pki" / pki.SERVER_FILE, self.loot)
        shutil.copy(rig.folder / "installed" / "flash.bin", folder)
        self.board = rig._board(folder, self.host)
        self._assignments = iter(range(100, 1000))
        self.running = set()

    def __enter__(self):
        self.board.power_on()
        return self

    def __exit__(self, *_):
        self.board.close()
        self.host.close()

    def offer(self, release, **changes):
        """Assign a release, some of it not as it was; how its update ended, or what is doubted."""
        assignment = next(self._assignments)
        self.host.offer(assignment, self.releases[release])
        self.host.assignment |= changes
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            try:
                report = self.host.reports.get(timeout=1)
            except queue.Empty:
                continue
            if report.get("assignment") == assignment:
                self.running.add(report["running"])
                return report.get("outcome"), report.get("reason")
        return "nothing", self.board.console_text[-2000:]

    def sign(self, name, *keys, **changes):
        """Sign a role anew, with keys that may not be its own."""
        self.repository.signed[name] = self.repository.signed[name] | changes
        self.repository.signers[name] = keys or self.repository.signers[name]


@pytest.fixture(scope="module")
def rig():
    with tempfile.TemporaryDirectory(dir=memory.folder()) as folder:
        yield Rig(Path(folder))


@pytest.fixture
def thief(rig, tmp_path):
    with Thief(rig, tmp_path) as thief:
        yield thief


def test_a_stolen_host_can_withhold_and_no_more(thief):
    repository, loot = thief.repository, thief.loot
    signed, online = thief.releases[SIGNED], KEYS[1]

    # Releases that approvers did not sign, or not like this.
    assert thief.offer(UNSIGNED) == ("refused", "not-approved")
    assert thief.offer(INSTALLED) == ("refused", "old-number")
    mixed = digest(thief.releases[INSTALLED].manifest)
    assert thief.offer(SIGNED, manifest=mixed) == ("refused", "not-approved")
    assert thief.offer(SIGNED, number=UNSIGNED) == ("refused", "not-approved")
    other = signed.manifest.replace(b'"blink"', b'"blank"')
    thief.approvals.approve(other)  # for boards of another product
    repository.next("targets")
    loot.changed["/manifests/" + digest(other)] = other
    assert thief.offer(SIGNED, manifest=digest(other)) == ("refused", "not-approved")

    # Bytes under signed names.
    path = "/manifests/" + digest(signed.manifest)
    loot.changed[path] = signed.manifest.replace(b"app/main", b"app/evil")
    assert thief.offer(SIGNED) == ("refused", "hash-mismatch")
    del loot.changed[path]
    _, size, name = json.loads(signed.manifest)["parts"]["app"]["files"][0]
    loot.changed["/blobs/" + name] = bytes(size)
    assert thief.offer(SIGNED) == ("refused", "not-staged")
    loot.changed.clear()

    # Metadata: forged with the key that the thief has, older, grown, or from another fleet.
    honest = dict(repository.signed)
    thief.approvals.approve(thief.releases[UNSIGNED].manifest)
    repository.add("fleet.json", b"{}")
    thief.sign("targets", online)
    repository.next("targets")
    assert thief.offer(UNSIGNED) == (None, "bad-signature")
    thief.sign("targets", APPROVER)
    del repository.signed["targets"]["targets"]["fleet.json"]
    del repository.signed["targets"]["targets"][f"blink/{UNSIGNED}.json"]
    thief.sign("targets", version=honest["targets"]["version"] - 1)
    repository.next()
    assert thief.offer(SIGNED) == (None, "old-metadata")
    thief.sign("targets", version=honest["targets"]["version"])
    repository.next()
    loot.changed["/metadata/timestamp.json"] = b" " * 100_000
    assert thief.offer(SIGNED) == (None, "bad-metadata")
    loot.changed.clear()

    # Past its expiry what approvers signed is worth nothing, whatever the online key says of it.
    thief.host.clock_s = 500 * 86_400
    far = (dt.datetime.now(dt.UTC) + dt.timedelta(900)).strftime("%Y-%m-%dT00:00:00Z")
    for name in ("timestamp", "snapshot"):
        thief.sign(name, expires=far)
    repository.next()
    assert thief.offer(SIGNED) == (None, "expired-metadata")
    thief.host.clock_s = 0

    # To another house it does not go, and what ran all the while is what ran before.
    asked = {path for _, path, _ in thief.host.asked}
    assert "/metadata/fleet.json" not in asked
    assert thief.running == {INSTALLED}

    # The owner comes back, but versions are far ahead of his: the thief's last trick withholds.
    for name in ("timestamp", "snapshot"):
        thief.sign(name, version=10**9)
    assert thief.offer(SIGNED) == (None, "old-metadata")

    # Another online key, by a root of the offline ones, and all is well again.
    root = repository.signed["root"]
    keys = root["keys"] | {NEW_ONLINE.id: NEW_ONLINE.public}
    roles = root["roles"] | {name: role(NEW_ONLINE) for name in ("timestamp", "snapshot")}
    repository.next_root(keys=keys, roles=roles)
    for name in ("timestamp", "snapshot"):
        thief.sign(name, NEW_ONLINE, version=1)
    assert thief.offer(SIGNED) == ("done", None)
