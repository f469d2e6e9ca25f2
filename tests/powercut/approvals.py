"""What a host serves of TUF in the scenario of the metadata: before, after and long after."""

import copy

from tests.unit.device.update.repository import KEYS, Repository, digest, manifest_of, role

_BEFORE = dict(zip(("root", "timestamp", "snapshot", "targets"), KEYS, strict=False))
_AFTER = {"timestamp": KEYS[4], "snapshot": KEYS[5], "targets": KEYS[4]}
_FLEET = b'{"format": 1, "addresses": ["192.168.1.20"]}'


def make(files):
    """{"old", "new", "next"}: answers by path, what a board then holds, what is assigned.

    `files`: of release 6, which only the new keys sign.
    """
    repository = Repository()
    made = {"old": _freeze(repository)}
    root = copy.deepcopy(repository.signed["root"])
    root["keys"] = {key.id: key.public for key in (KEYS[0], *_AFTER.values())}
    root["roles"] |= {name: role(key) for name, key in _AFTER.items()}
    repository.next_root(keys=root["keys"], roles=root["roles"])
    repository.signers |= {name: (key,) for name, key in _AFTER.items()}
    repository.signed["targets"]["issued"] = "2026-05-01T00:00:00Z"
    repository.add("fleet.json", _FLEET)
    repository.next("targets")
    made["new"] = _freeze(repository, {"/metadata/fleet.json": _FLEET})
    manifest = manifest_of(6, files)
    repository.add("blink/6.json", manifest, product="blink", number=6, boards=["ESP32_GENERIC"])
    repository.next("targets")
    blobs = {f"/blobs/{digest(data)}": data for data in files.values()}
    name = digest(manifest)
    release = {"assignment": 18, "number": 6, "manifest": name, "size": len(manifest)}
    made["next"] = _freeze(repository, {f"/manifests/{name}": manifest, **blobs}, release)
    return made


def _freeze(repository, more=None, release=None):
    files = repository.files()
    versions = {name: repository.signed[name]["version"] for name in _BEFORE}
    held = {name: files[f"{n}.{name}.json"] for name, n in versions.items() if name != "timestamp"}
    held["timestamp"] = files["timestamp.json"]
    answers = {f"/metadata/{name}": data for name, data in files.items()} | (more or {})
    return {
        "answers": {path: data.hex() for path, data in answers.items()},
        "held": {name: data.hex() for name, data in held.items()},
        "versions": versions,
        "version": versions["timestamp"],
        "release": release,
    }

