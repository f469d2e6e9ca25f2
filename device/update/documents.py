"""TUF's documents: read where their shape is right, hashed, and what they say of paths. Pure.

The Update Framework, specification 1.0.34, section 4.
"""

import json
from binascii import hexlify
from hashlib import sha256

from micropython import const

from device.errors import Untrusted

TOP = ("root", "timestamp", "snapshot", "targets")
_DEPTH_MAX = const(16)
_VALUES_MAX = const(1000)  # in a file: 24 targets are some 300; 1,000 cost a chip 6 to 68 kB
_CHUNK = const(512)
_TIME = "0000-00-00T00:00:00Z"  # the shape of every time, so that text compares
_PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"


def parse(stream, kind):
    """The envelope in a stream of bytes, or in None; its `signed` part has the shape of its kind.

    Raises:
        Untrusted: `bad-metadata`.
        MemoryError: it is not larger than it may be, but this heap does not bear what is in it.
    """
    if stream is None:
        raise Untrusted("bad-metadata", kind, "is missing")
    if _values(stream) > _VALUES_MAX:  # or it would eat the heap before any signature is checked
        raise Untrusted("bad-metadata", kind, "too many values", _VALUES_MAX)
    stream.seek(0)
    try:
        envelope = json.load(stream)
        signed = envelope["signed"]
        if _is_wellformed(envelope, signed, kind) and _SHAPES[kind](signed):
            return envelope
    except (ValueError, RuntimeError, KeyError, TypeError, AttributeError):
        pass  # not JSON, not UTF-8, or other things than it should hold
    raise Untrusted("bad-metadata", kind, "is malformed")


def _chunks(stream):
    stream.seek(0)
    chunk = stream.read(_CHUNK)
    while chunk:
        yield chunk
        chunk = stream.read(_CHUNK)


def _values(stream):
    """At least as many as values are in it: each but the first follows one of these."""
    return sum(
        chunk.count(b"[") + chunk.count(b"{") + chunk.count(b",") for chunk in _chunks(stream)
    )


def canonical(value, put, depth=0):
    """Put the value's canonical JSON (OLPC), piece by piece: it is never there as a whole.

    Raises:
        Untrusted: `bad-metadata`, nested too deep or with a number that is not whole.
    """
    if depth > _DEPTH_MAX:
        raise Untrusted("bad-metadata", "nested too deep", _DEPTH_MAX)
    if value is None or isinstance(value, (bool, int)):
        put(json.dumps(value).encode())
    elif isinstance(value, str):
        put(b'"')
        put(value.replace("\\", "\\\\").replace('"', '\\"').encode())
        put(b'"')
    elif isinstance(value, list):
        separator = b"["
        for one in value:
            put(separator)
            canonical(one, put, depth + 1)
            separator = b","
        put(b"]" if value else b"[]")
    elif isinstance(value, dict):
        separator = b"{"
        for name in sorted(value):
            put(separator)
            canonical(name, put)
            put(b":")
            canonical(value[name], put, depth + 1)
            separator = b","
        put(b"}" if value else b"{}")
    else:
        raise Untrusted("bad-metadata", "a number is not whole")


def hashed(value):
    """SHA-256 of the value's canonical JSON."""
    digest = sha256()
    canonical(value, digest.update)
    return digest.digest()


# --- shapes


def _is_wellformed(envelope, signed, kind):
    signatures = envelope["signatures"]
    return (
        isinstance(signatures, list)
        and len({one["keyid"] for one in signatures if "sig" in one}) == len(signatures)
        and signed["_type"] == kind
        and signed["spec_version"].split(".")[0] == "1"
        and _is_count(signed["version"])
        and _is_time(signed["expires"])
    )


def _is_count(value):
    return type(value) is int and value > 0  # True is none


def _is_length(value):
    return type(value) is int and value >= 0


def _is_text(value):
    return isinstance(value, str) and value != ""


def _is_texts(values):
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _is_time(text):
    return (
        _is_text(text)
        and len(text) == len(_TIME)
        and all(a.isdigit() if b == "0" else a == b for a, b in zip(text, _TIME))
    )


def _is_keys(keys):
    return all(isinstance(key["keyval"], dict) for key in keys.values())


def _is_role(role):
    return _is_texts(role["keyids"]) and _is_count(role["threshold"])


def _is_root(signed):
    roles = signed["roles"]
    is_consistent = signed["consistent_snapshot"]
    return (
        (is_consistent is True or is_consistent is False)
        and _is_keys(signed["keys"])
        and all(_is_role(roles[role]) for role in TOP)
    )


def _is_meta(meta):
    return all(
        _is_count(one["version"])
        and _is_length(one.get("length", 0))
        and isinstance(one.get("hashes", {}), dict)
        for one in meta.values()
    )


def _is_timestamp(signed):
    meta = signed["meta"]
    return len(meta) == 1 and "snapshot.json" in meta and _is_meta(meta)


def _is_snapshot(signed):
    return "targets.json" in signed["meta"] and _is_meta(signed["meta"])


def _is_targets(signed):
    entries = signed["targets"].values()
    if not all(_is_length(e["length"]) and isinstance(e["hashes"], dict) for e in entries):
        return False
    delegations = signed.get("delegations")
    return delegations is None or (_is_keys(delegations["keys"]) and _is_delegated(delegations))


def _is_delegated(delegations):
    bins, roles = delegations.get("succinct_roles"), delegations.get("roles")
    if (bins is None) == (roles is None):  # one of the two
        return False
    return _are_bins(bins) if bins else _are_roles(roles)


def _are_bins(bins):
    bits = bins["bit_length"]
    return _is_role(bins) and type(bits) is int and 0 < bits < 33 and _is_text(bins["name_prefix"])


def _are_roles(roles):
    names = {role["name"] for role in roles}
    return len(names) == len(roles) and all(
        _is_text(role["name"])
        and role["name"] not in TOP  # nobody may pass for a top-level role
        and _is_role(role)
        and _has_paths(role)
        and isinstance(role["terminating"], bool)
        for role in roles
    )


def _has_paths(role):
    paths, prefixes = role.get("paths"), role.get("path_hash_prefixes")
    return (paths is None) != (prefixes is None) and _is_texts(paths or prefixes or [])


_SHAPES = {
    "root": _is_root,
    "timestamp": _is_timestamp,
    "snapshot": _is_snapshot,
    "targets": _is_targets,
}


# --- what holds of them


def check_hashes(name, stream, want):
    """Raise unless a stream has the length and the SHA-256 that are known of it, if any."""
    hashes = want.get("hashes")
    if hashes is None and "length" not in want:
        return
    digest = sha256()
    length = 0
    for chunk in _chunks(stream):
        digest.update(chunk)
        length += len(chunk)
    if length != want.get("length", length):
        raise Untrusted("bad-metadata", name, "length", length, want["length"])
    if hashes is not None and hexlify(digest.digest()).decode() != hashes.get("sha256"):
        raise Untrusted("bad-metadata", name, "hash")


# --- names and paths (section 4.5)


def quote(role):
    """A role's name as it stands in names of files."""
    return "".join([chr(b) if chr(b) in _PLAIN else "%%%02X" % b for b in role.encode()])


def is_trusted_with(role, path, name):
    """Whether a delegation is for a path; `name` is the SHA-256 of that."""
    paths = role.get("paths")
    if paths is not None:
        return any(_matches(path, pattern) for pattern in paths)
    digits = hexlify(name).decode()
    return any(digits.startswith(prefix) for prefix in role["path_hash_prefixes"])


def _matches(path, pattern):
    ours, theirs = path.split("/"), pattern.split("/")
    return len(ours) == len(theirs) and all(_globs(a, b) for a, b in zip(ours, theirs))


def _globs(text, pattern):
    """Shell-style: `*` any characters, `?` one."""
    at = back = 0
    star = None
    while at < len(text):
        c = pattern[back : back + 1]
        if c == "*":
            star, since = back, at
            back += 1
        elif c == "?" or (c and c == text[at]):
            at += 1
            back += 1
        elif star is None:
            return False
        else:
            since += 1
            at, back = since, star + 1
    return not pattern[back:].strip("*")


def bin_of(bins, name):
    """Name of the role whose hash bin a path is in."""
    bits = bins["bit_length"]
    number = int.from_bytes(name[:4], "big") >> (32 - bits)
    return "%s-%0*x" % (bins["name_prefix"], (bits + 3) // 4, number)
