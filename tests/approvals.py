"""What approvers signed, for a test's own host: a repository in which releases are targets."""

import datetime as dt
import functools
import json

from tests.unit.device.update.repository import Repository

_DAYS = 400


class Approvals:
    """`root` is for deploy, `files()` what a host serves, `version` what it says of it."""

    def __init__(self, *releases):
        self.repository = Repository()
        end = (dt.datetime.now(dt.UTC) + dt.timedelta(_DAYS)).strftime("%Y-%m-%dT00:00:00Z")
        for signed in self.repository.signed.values():
            signed["expires"] = end
        self.root = self.repository.roots["1.root.json"] = _root(end)
        for release in releases:
            self.approve(release.manifest)

    def approve(self, manifest, role="targets"):
        """A target for a manifest, as approvers would sign it."""
        about = json.loads(manifest)
        custom = {name: about[name] for name in ("product", "number", "boards")}
        path = f"{about['product']}/{about['number']}.json"
        self.repository.add(path, manifest, role, **custom)

    @property
    def version(self):
        """Of timestamp.json."""
        return self.repository.signed["timestamp"]["version"]

    def files(self):
        """Bytes by path of the device API."""
        return {f"/metadata/{name}": data for name, data in self.repository.files().items()}


@functools.cache
def _root(end):
    """One for all: another signature over the same would be another root."""
    repository = Repository()
    repository.signed["root"]["expires"] = end
    repository.keep_root()
    return repository.roots["1.root.json"]
