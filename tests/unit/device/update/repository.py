"""A TUF repository of plain dicts, so that it can also hold what no library writes."""

import copy
import hashlib
import json

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from securesystemslib.formats import encode_canonical

LATER = "2030-01-01T00:00:00Z"
NOW = "2026-06-01T00:00:00Z"
ROLES = ("root", "timestamp", "snapshot", "targets")


class Key:
    """A private key, and how metadata writes its public half."""

    def __init__(self):
        self._private = ec.generate_private_key(ec.SECP256R1())
        public = self._private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.public = {
            "keytype": "ecdsa",
            "scheme": "ecdsa-sha2-nistp256",
            "keyval": {"public": public.decode()},
        }
        self.id = hashlib.sha256(encode_canonical(self.public).encode()).hexdigest()

    def sign(self, content):
        """The signature over bytes, in hex."""
        return self._private.sign(content, ec.ECDSA(hashes.SHA256())).hex()


KEYS = [Key() for _ in range(6)]  # made once: which is whose, each repository says


def role(*keys, threshold=1, **more):
    """A role in the hands of these keys."""
    return {"keyids": [key.id for key in keys], "threshold": threshold} | more


def signed_by(signed, *keys):
    """Bytes of an envelope with these keys' signatures."""
    content = encode_canonical(signed).encode()
    signatures = [{"keyid": key.id, "sig": key.sign(content)} for key in keys]
    return json.dumps({"signatures": signatures, "signed": signed}).encode()


def head(kind, version=1, **more):
    """What every signed part begins with."""
    return {"_type": kind, "spec_version": "1.0.31", "version": version, "expires": LATER} | more


class Repository:
    """`signed` and `signers` may be changed at will; `files()` is what a host would serve."""

    def __init__(self):
        self.signers = {name: (KEYS[i],) for i, name in enumerate(ROLES)}
        self.signed = {
            "root": head(
                "root",
                consistent_snapshot=True,
                keys={key.id: key.public for key in KEYS[:4]},
                roles={name: role(*keys) for name, keys in self.signers.items()},
            ),
            "targets": head("targets", targets={}),
            "snapshot": head("snapshot"),
            "timestamp": head("timestamp"),
        }
        self.roots = {}
        self.raw = {}  # bytes instead of what would be made
        self.seals = {}  # fields of a role's entry in snapshot or timestamp
        self.keep_root()
        self.first_root = self.roots["1.root.json"]

    def keep_root(self, *also):
        """Publish the root as it stands, signed by its signers and others."""
        root = self.signed["root"]
        self.roots[f"{root['version']}.root.json"] = signed_by(root, *self.signers["root"], *also)

    def next_root(self, *also, **changes):
        """A root one version on, with changes."""
        self.signed["root"] = copy.deepcopy(self.signed["root"]) | changes
        self.signed["root"]["version"] += 1
        self.keep_root(*also)

    def delegate(self, name, *keys, targets=(), **more):
        """A role of this name below the top-level targets."""
        delegations = self.signed["targets"].setdefault("delegations", {"keys": {}, "roles": []})
        delegations["keys"] |= {key.id: key.public for key in keys}
        which = {} if "path_hash_prefixes" in more else {"paths": ["*/*"]}
        entry = which | role(*keys, name=name, terminating=False) | more
        delegations["roles"].append(entry)
        self.signed[name] = head("targets", targets=dict(targets))
        self.signers[name] = keys

    def add(self, path, content=b"x", role="targets", **custom):
        """A target."""
        hashes = {"sha256": digest(content)}
        entry = {"length": len(content), "hashes": hashes, "custom": custom}
        self.signed[role]["targets"][path] = entry

    def next(self, *names):
        """Raise versions; snapshot and timestamp always follow."""
        for name in (*names, "snapshot", "timestamp"):
            self.signed[name]["version"] += 1

    def files(self):
        """Every file by name; snapshot and timestamp vouch for the versions that there are."""
        files = dict(self.roots)
        delegated = [name for name in self.signed if name not in ROLES]
        meta = self.signed["snapshot"].setdefault("meta", {})
        for name in ("targets", *delegated):
            files[f"{self._version(name)}.{name}.json"] = self._bytes(name)
            meta[f"{name}.json"] = {"version": self._version(name)} | self.seals.get(name, {})
        files[f"{self._version('snapshot')}.snapshot.json"] = self._bytes("snapshot")
        entry = {"version": self._version("snapshot")} | self.seals.get("snapshot", {})
        self.signed["timestamp"].setdefault("meta", {})["snapshot.json"] = entry
        return files | {"timestamp.json": self._bytes("timestamp")}

    def _version(self, name):
        return self.signed[name]["version"]

    def _bytes(self, name):
        if name in self.raw:
            return self.raw[name]
        return signed_by(self.signed[name], *self.signers[name])


def manifest_of(number, files, **changes):
    """Bytes of a release's manifest."""
    listed = [[path, len(data), digest(data)] for path, data in sorted(files.items())]
    manifest = {
        "format": 1,
        "product": "blink",
        "number": number,
        "version": "1",
        "boards": ["ESP32_GENERIC"],
        "abi": 6,
        "firmwares": [],
        "parts": {"app": {"files": listed}},
    }
    return json.dumps(manifest | changes).encode()


def digest(data):
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def refused(said):
    """The word, for an answer of a client that is an error."""
    assert "error" in said, said
    return said["error"]
