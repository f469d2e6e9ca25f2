"""The TUF client's workflow: which metadata to ask for, and what of it to believe. Pure.

The Update Framework, specification 1.0.34, section 5; comments cite its steps. Nothing here
fetches, stores or tells the time: `refresh` and `find` are generators that the caller drives.

They yield `(name, limit_bytes)` and are sent a seekable binary stream of at most so many bytes, or
None where the repository has no such file; or they yield None, which asks for nothing but gives
the caller's loop a chance. `held` keeps what was believed: `open(role)` gives a stream or None,
`keep(role)` makes the stream sent last the role's, as a whole or not at all, `drop(role)` forgets.
"""

import json
from binascii import hexlify
from hashlib import sha256

from micropython import const

from device.errors import Untrusted
from device.update.plan import is_deeper
from device.update.signature import public, verify

_ROOT_BYTES = const(16384)  # where nothing signed says how long a file may be
_TIMESTAMP_BYTES = const(4096)
_SNAPSHOT_BYTES = const(16384)
_TARGETS_BYTES = const(32768)
_ROOTS_MAX = const(64)  # in one refresh: the next goes on
_ROLES_MAX = const(32)  # visited for one target
_DEPTH_MAX = const(16)
_CHUNK = const(512)
_PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_TOP = ("root", "timestamp", "snapshot", "targets")
_ONLINE = ("timestamp", "snapshot")
_EXPIRES = "0000-00-00T00:00:00Z"  # the shape of every time in metadata, so that text compares


class Trusted:
    """What a refresh ended with: `signed` parts, of which a caller may hold what it needs."""

    def __init__(self, root, timestamp, snapshot, targets):
        self.root = root
        self.timestamp = timestamp
        self.snapshot = snapshot
        self.targets = targets

    def versions(self):
        """Version of each top-level role."""
        return {role: getattr(self, role)["version"] for role in _TOP}


def refresh(held, now):
    """Generator: bring the top-level roles up to date; ends with Trusted.

    `now`: `2026-01-31T12:00:00Z`, or None where the time is not known: then nothing is taken for
    expired, and the caller must not install.

    Raises:
        Untrusted: what was believed before stays.
    """
    root = yield from _root(held, now)
    timestamp = yield from _timestamp(root, held, now)
    snapshot = yield from _snapshot(root, timestamp, held, now)
    targets = yield from _targets("targets", _top(root, "targets"), root, snapshot, held, now)
    return Trusted(root, timestamp, snapshot, targets)


def find(trusted, held, now, path):
    """Generator: the target's entry (length, hashes, custom), or None where nobody vouches for it.

    Section 5.6.7: delegations are walked depth first, in their order.

    Raises:
        Untrusted: a role that would have to be asked does not hold.
    """
    name = sha256(path.encode()).digest()
    signed, visited = trusted.targets, {"targets"}
    todo: list = []
    while True:
        entry = signed["targets"].get(path)
        if entry is not None:
            return entry
        todo = _delegates(signed, path, name, todo)
        while todo and todo[-1][0] in visited:
            todo.pop()
        if not todo or len(visited) > _ROLES_MAX:
            return None
        role, delegation = todo.pop()
        visited.add(role)
        signed = yield from _targets(role, delegation, trusted.root, trusted.snapshot, held, now)


def check(entry, length, digests):
    """Raise unless bytes of this length and with these hashes (name: hex) are the target's.

    Raises:
        Untrusted: `bad-target`, also where it is known by hashes only that are not given.
    """
    known = {name: digest for name, digest in entry["hashes"].items() if name in digests}
    if length != entry["length"]:
        raise Untrusted("bad-target", "length", length, entry["length"])
    if not known or any(digests[name] != known[name] for name in known):
        raise Untrusted("bad-target", digests, entry["hashes"])


def quote(role):
    """A role's name as it stands in names of files."""
    return "".join([chr(b) if chr(b) in _PLAIN else "%%%02X" % b for b in role.encode()])


# --- 5.3 to 5.6: role by role


def _root(held, now):
    trusted = yield from _first(held)
    for _ in range(_ROOTS_MAX):  # 5.3.3
        version = trusted["version"] + 1
        stream = yield str(version) + ".root.json", _ROOT_BYTES
        if stream is None:
            break
        fresh = _parse(stream, "root")
        signed = fresh["signed"]
        for vouching in (trusted, signed):  # 5.3.4
            yield from _verify("root", _top(vouching, "root"), fresh)
        if signed["version"] != version:  # 5.3.5
            raise Untrusted("old-metadata", "root", signed["version"], version)
        if _has_moved(trusted, signed):  # 5.3.11, before the root is kept: a cut may come between
            held.drop("timestamp")
            held.drop("snapshot")
        held.keep("root")  # 5.3.8
        trusted = signed
    _check_expiry("root", trusted, now)  # 5.3.10: of the last one only
    return trusted


def _first(held):
    """The root that is held; on first use it must also hold by itself."""
    stream = held.open("root")
    if stream is None:
        raise Untrusted("no-root")
    try:
        envelope = _parse(stream, "root")
    finally:
        stream.close()
    signed = envelope["signed"]
    known = held.open("timestamp")
    if known:
        known.close()
    else:
        yield from _verify("root", _top(signed, "root"), envelope)
    return signed


def _timestamp(root, held, now):
    before = _held(held, "timestamp")
    stream = yield "timestamp.json", _TIMESTAMP_BYTES
    if before is None or not _is_same(stream, held.open("timestamp")):
        fresh = _parse(stream, "timestamp")
        yield from _verify("timestamp", _top(root, "timestamp"), fresh)  # 5.4.2
        fresh = fresh["signed"]
        if before is None or fresh["version"] != before["version"]:
            if before:  # 5.4.3
                _check_version("timestamp", fresh, before)
                _check_version("snapshot", _of_snapshot(fresh), _of_snapshot(before))
            _check_expiry("timestamp", fresh, now)  # 5.4.4
            held.keep("timestamp")
            return fresh
    _check_expiry("timestamp", before, now)
    return before


def _snapshot(root, timestamp, held, now):
    want = _of_snapshot(timestamp)
    before = _held(held, "snapshot")
    if before is None or before["version"] != want["version"]:
        fresh = yield from _fetch("snapshot", want, _SNAPSHOT_BYTES, root)
        yield from _verify("snapshot", _top(root, "snapshot"), fresh)  # 5.5.3
        fresh = fresh["signed"]
        _check_named("snapshot", fresh, want)  # 5.5.4
        for name, known in before["meta"].items() if before else ():  # 5.5.5
            if name not in fresh["meta"]:
                raise Untrusted("old-metadata", name, None, known["version"])
            _check_version(name, fresh["meta"][name], known)
        _check_expiry("snapshot", fresh, now)  # 5.5.6
        held.keep("snapshot")
        return fresh
    _check_expiry("snapshot", before, now)
    return before


def _targets(role, delegation, root, snapshot, held, now):
    want = snapshot["meta"].get(role + ".json")
    if want is None:
        raise Untrusted("bad-metadata", role, "not in the snapshot")
    stream = held.open(role)
    if stream:  # the delegator may have other keys by now: it is verified again
        try:
            signed = yield from _believe(role, stream, want, delegation)
            _check_expiry(role, signed, now)
            return signed
        except Untrusted:
            pass
        finally:
            stream.close()
    fresh = yield from _fetch(role, want, _TARGETS_BYTES, root)
    yield from _verify(role, delegation, fresh)  # 5.6.3
    signed = fresh["signed"]
    _check_named(role, signed, want)  # 5.6.4
    _check_expiry(role, signed, now)  # 5.6.5
    held.keep(role)  # 5.6.6
    return signed


def _believe(role, stream, want, delegation):
    _check_hashes(role, stream, want)
    envelope = _parse(stream, "targets")
    _check_named(role, envelope["signed"], want)
    yield from _verify(role, delegation, envelope)
    return envelope["signed"]


def _fetch(role, want, limit, root):
    prefix = str(want["version"]) + "." if root["consistent_snapshot"] else ""
    stream = yield prefix + quote(role) + ".json", min(want.get("length", limit), limit)
    if stream is None:
        raise Untrusted("bad-metadata", role, "is missing")
    _check_hashes(role, stream, want)  # 5.5.2, 5.6.2
    return _parse(stream, "snapshot" if role == "snapshot" else "targets")


# --- delegations (section 4.5)


def _delegates(signed, path, name, todo):
    """What to visit next, the last first: the roles that this one trusts with a path."""
    delegations = signed.get("delegations")
    if not delegations:
        return todo
    keys = delegations["keys"]
    bins = delegations.get("succinct_roles")
    if bins:
        return todo + [(_bin(bins, name), (keys, bins))]
    found = []
    for role in delegations["roles"]:
        if _is_trusted_with(role, path, name):
            found.append((role["name"], (keys, role)))
            if role["terminating"]:
                todo = []
                break
    return todo + list(reversed(found))


def _is_trusted_with(role, path, name):
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


def _bin(bins, name):
    bits = bins["bit_length"]
    number = int.from_bytes(name[:4], "big") >> (32 - bits)
    return "%s-%0*x" % (bins["name_prefix"], (bits + 3) // 4, number)


# --- reading, and what every role must be


def _held(held, role):
    """The signed part that was believed before; None where there is none, or it rotted."""
    stream = held.open(role)
    if stream is None:
        return None
    try:
        return _parse(stream, role)["signed"]
    except Untrusted:
        return None
    finally:
        stream.close()


def _parse(stream, kind):
    if stream is None:
        raise Untrusted("bad-metadata", kind, "is missing")
    stream.seek(0)
    if is_deeper(stream, _DEPTH_MAX):
        raise Untrusted("bad-metadata", kind, "nested too deep")
    stream.seek(0)
    try:
        envelope = json.load(stream)
        signed = envelope["signed"]
        if _is_wellformed(envelope, signed, kind) and _SHAPES[kind](signed):
            return envelope
    except (ValueError, RuntimeError, KeyError, TypeError, AttributeError):
        pass  # not JSON, not UTF-8, or other things than it should hold
    raise Untrusted("bad-metadata", kind, "is malformed")


def _is_wellformed(envelope, signed, kind):
    return (
        isinstance(envelope["signatures"], list)
        and signed["_type"] == kind
        and signed["spec_version"].split(".")[0] == "1"
        and _is_count(signed["version"])
        and _is_time(signed["expires"])
    )


def _is_count(value):
    return type(value) is int and value > 0  # True is none


def _is_time(text):
    return len(text) == 20 and all(
        a.isdigit() if b == "0" else a == b for a, b in zip(text, _EXPIRES)
    )


def _is_keys(keys):
    return all(isinstance(key["keyval"], dict) for key in keys.values())


def _is_role(role):
    return isinstance(role["keyids"], list) and _is_count(role["threshold"])


def _is_root(signed):
    roles = signed["roles"]
    is_consistent = signed["consistent_snapshot"]
    return (
        (is_consistent is True or is_consistent is False)
        and _is_keys(signed["keys"])
        and all(_is_role(roles[role]) for role in _TOP)
    )


def _is_meta(meta):
    return all(_is_count(m["version"]) and _is_length(m.get("length", 0)) for m in meta.values())


def _is_length(value):
    return type(value) is int and value >= 0


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
    bins = delegations.get("succinct_roles")
    roles = delegations.get("roles")
    if (bins is None) == (roles is None):  # one of the two
        return False
    if bins:
        return _is_role(bins) and 0 < bins["bit_length"] < 33 and bins["name_prefix"] != ""
    names = {role["name"] for role in roles}
    if len(names) != len(roles) or any(not n or n in _TOP for n in names):
        return False  # nobody may pass for a top-level role
    return all(_is_role(r) and _has_paths(r) and isinstance(r["terminating"], bool) for r in roles)


def _has_paths(role):
    paths, prefixes = role.get("paths"), role.get("path_hash_prefixes")
    return (paths is None) != (prefixes is None)


_SHAPES = {
    "root": _is_root,
    "timestamp": _is_timestamp,
    "snapshot": _is_snapshot,
    "targets": _is_targets,
}


# --- what holds


def _top(root, role):
    return root["keys"], root["roles"][role]


def _of_snapshot(timestamp):
    return timestamp["meta"]["snapshot.json"]


def _verify(name, delegation, envelope):
    """Raise unless enough different keys of a role signed. Yields None now and then."""
    keys, role = delegation
    signed = envelope["signed"]
    digest = sha256()
    _canonical(signed, digest.update)
    digest = digest.digest()
    signatures: dict = {}
    for one in envelope["signatures"]:
        _note(signatures, one)
    good = set()
    for key_id in role["keyids"]:
        key = keys.get(key_id)
        text = signatures.pop(key_id, None)
        if not (key and text) or _key_id(key) != key_id:
            continue
        label = public(key)  # one key under two ids counts once
        if label in good:
            continue
        is_good = yield from verify(key, text, digest, lambda put: _canonical(signed, put))
        if is_good:
            good.add(label)
            if len(good) >= role["threshold"]:
                return
    raise Untrusted("bad-signature", name, len(good), role["threshold"])


def _note(signatures, one):
    try:
        key_id, text = one["keyid"], one["sig"]
    except (KeyError, TypeError):
        raise Untrusted("bad-metadata", "a signature is malformed")
    if key_id in signatures:
        raise Untrusted("bad-metadata", "a key signed twice", key_id)
    signatures[key_id] = text


def _key_id(key):
    digest = sha256()
    _canonical(key, digest.update)
    return hexlify(digest.digest()).decode()


def _canonical(value, put):
    """Put the value's canonical JSON (OLPC), piece by piece: it is never there as a whole."""
    if value is True or value is False or value is None:
        put(_WORDS[value])
    elif isinstance(value, str):
        put(('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"').encode())
    elif isinstance(value, int):
        put(str(value).encode())
    elif isinstance(value, list):
        separator = b"["
        for one in value:
            put(separator)
            _canonical(one, put)
            separator = b","
        put(b"]" if value else b"[]")
    elif isinstance(value, dict):
        separator = b"{"
        for name in sorted(value):
            put(separator)
            _canonical(name, put)
            put(b":")
            _canonical(value[name], put)
            separator = b","
        put(b"}" if value else b"{}")
    else:
        raise Untrusted("bad-metadata", "a number is not whole")


_WORDS = {True: b"true", False: b"false", None: b"null"}


def _is_same(stream, held):
    """Whether two streams hold the same bytes."""
    if stream is None:
        return False
    try:
        stream.seek(0)
        while True:
            chunk = stream.read(_CHUNK)
            if chunk != held.read(_CHUNK):
                return False
            if not chunk:
                return True
    finally:
        held.close()


def _check_hashes(name, stream, want):
    hashes = want.get("hashes")
    if hashes is None and "length" not in want:
        return
    digest = sha256()
    length = 0
    stream.seek(0)
    while True:
        chunk = stream.read(_CHUNK)
        if not chunk:
            break
        digest.update(chunk)
        length += len(chunk)
    if length != want.get("length", length):
        raise Untrusted("bad-metadata", name, "length", length, want["length"])
    if hashes is not None and hexlify(digest.digest()).decode() != hashes.get("sha256"):
        raise Untrusted("bad-metadata", name, "hash")


def _check_named(name, signed, want):
    if signed["version"] != want["version"]:
        raise Untrusted("bad-metadata", name, signed["version"], want["version"])


def _check_version(name, offered, trusted):
    if offered["version"] < trusted["version"]:
        raise Untrusted("old-metadata", name, offered["version"], trusted["version"])


def _check_expiry(name, signed, now):
    if now is not None and signed["expires"] <= now:
        raise Untrusted("expired-metadata", name, signed["expires"], now)


def _has_moved(before, after):
    """Whether other keys sign timestamp or snapshot from now on."""
    before, after = before["roles"], after["roles"]
    return any(set(before[r]["keyids"]) != set(after[r]["keyids"]) for r in _ONLINE)
