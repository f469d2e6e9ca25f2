"""The TUF client's workflow: which metadata to ask for, and what of it to believe. Pure.

The Update Framework, specification 1.0.34, section 5; comments cite its steps. Nothing here
fetches, stores or tells the time: `refresh` and `find` are generators that the caller drives.

They yield `(name, limit_bytes)` and are sent a seekable binary stream of at most so many bytes, or
None where the repository has no such file; or they yield None, which asks for nothing but gives
the caller's loop a chance. `held` keeps what was believed: `open(role)` gives a stream or None,
`keep(role)` makes the stream sent last the role's, as a whole or not at all, `drop(role)` forgets.
"""

from binascii import hexlify
from hashlib import sha256

from micropython import const

from device.errors import Untrusted
from device.update.documents import (
    TOP,
    bin_of,
    canonical,
    check_hashes,
    hashed,
    is_trusted_with,
    parse,
    quote,
)
from device.update.signature import public, verify

_ROOT_BYTES = const(16384)  # where nothing signed says how long a file may be
_TIMESTAMP_BYTES = const(4096)
_SNAPSHOT_BYTES = const(16384)
_TARGETS_BYTES = const(32768)
_ROOTS_MAX = const(64)  # in one refresh: the next goes on
_ROLES_MAX = const(32)  # visited for one target
_ONLINE = ("timestamp", "snapshot")


class Trusted:
    """What a refresh ended with: `signed` parts, of which a caller may hold what it needs."""

    def __init__(self, root, timestamp, snapshot, targets):
        self.root = root
        self.timestamp = timestamp
        self.snapshot = snapshot
        self.targets = targets

    def versions(self):
        """Version of each top-level role."""
        return {role: getattr(self, role)["version"] for role in TOP}


def refresh(held, now):
    """Generator: bring the top-level roles up to date; ends with Trusted.

    `now`: `2026-01-31T12:00:00Z`, or None where the time is not known: then nothing is taken for
    expired, and the caller must not install.

    Raises:
        Untrusted: what was believed before stays.
        MemoryError: likewise; a hostile file can ask for more heap than a good one does, though
            not for any amount. An update goes on in update mode, where there is more.
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


# --- 5.3 to 5.6: role by role


def _root(held, now):
    trusted = yield from _first(held)
    for _ in range(_ROOTS_MAX):  # 5.3.3
        stream = yield str(trusted["version"] + 1) + ".root.json", _ROOT_BYTES
        if stream is None:
            break
        fresh = yield from _next(trusted, parse(stream, "root"))
        if _has_moved(trusted, fresh):  # 5.3.11, before the root is kept: a cut may come between
            held.drop("timestamp")
            held.drop("snapshot")
        held.keep("root")  # 5.3.8
        trusted = fresh
    _check_expiry("root", trusted, now)  # 5.3.10: of the last one only
    return trusted


def _first(held):
    """The root that is held; on first use it must also hold by itself."""
    envelope = _read(held, "root")
    if envelope is None:
        raise Untrusted("no-root")
    signed = envelope["signed"]
    if _read(held, "timestamp") is None:
        yield from _verify("root", _top(signed, "root"), envelope)
    return signed


def _next(trusted, envelope):
    fresh = envelope["signed"]
    for vouching in (trusted, fresh):  # 5.3.4
        yield from _verify("root", _top(vouching, "root"), envelope)
    if fresh["version"] != trusted["version"] + 1:  # 5.3.5
        raise Untrusted("old-metadata", "root", fresh["version"], trusted["version"] + 1)
    return fresh


def _has_moved(before, after):
    """Whether other keys sign timestamp or snapshot from now on."""
    before, after = before["roles"], after["roles"]
    return any(set(before[r]["keyids"]) != set(after[r]["keyids"]) for r in _ONLINE)


def _timestamp(root, held, now):
    before = _read(held, "timestamp")
    before = before and before["signed"]
    envelope = parse((yield "timestamp.json", _TIMESTAMP_BYTES), "timestamp")
    yield from _verify("timestamp", _top(root, "timestamp"), envelope)  # 5.4.2
    fresh = envelope["signed"]
    if before and before["version"] == fresh["version"]:
        _check_expiry("timestamp", before, now)
        return before
    if before:  # 5.4.3
        _check_version("timestamp", fresh, before)
        _check_version("snapshot", _of_snapshot(fresh), _of_snapshot(before))
    _check_expiry("timestamp", fresh, now)  # 5.4.4
    held.keep("timestamp")
    return fresh


def _of_snapshot(timestamp):
    return timestamp["meta"]["snapshot.json"]


def _snapshot(root, timestamp, held, now):
    want = _of_snapshot(timestamp)
    before = _read(held, "snapshot")
    before = before and before["signed"]
    if before and before["version"] == want["version"]:
        _check_expiry("snapshot", before, now)
        return before
    stream = yield _name("snapshot", want, root), _limit(want, _SNAPSHOT_BYTES)
    fresh = yield from _judge("snapshot", stream, want, _top(root, "snapshot"), now)
    for name, known in before["meta"].items() if before else ():  # 5.5.5
        if name not in fresh["meta"]:
            raise Untrusted("old-metadata", name, None, known["version"])
        _check_version(name, fresh["meta"][name], known)
    held.keep("snapshot")
    return fresh


def _targets(role, delegation, root, snapshot, held, now):
    want = snapshot["meta"].get(role + ".json")
    if want is None:
        raise Untrusted("bad-metadata", role, "not in the snapshot")
    signed = yield from _still_good(role, held, want, delegation, now)
    if signed is None:
        stream = yield _name(role, want, root), _limit(want, _TARGETS_BYTES)
        signed = yield from _judge(role, stream, want, delegation, now)
        held.keep(role)  # 5.6.6
    return signed


def _still_good(role, held, want, delegation, now):
    """What is held, judged again: the delegator may have other keys by now. None if it fails."""
    stream = held.open(role)
    if stream is None:
        return None
    try:
        return (yield from _judge(role, stream, want, delegation, now))
    except Untrusted:
        return None
    finally:
        stream.close()


def _judge(role, stream, want, delegation, now):
    """The signed part, where it is what the snapshot or timestamp vouches for."""
    check_hashes(role, stream, want)  # 5.5.2, 5.6.2
    envelope = parse(stream, "snapshot" if role == "snapshot" else "targets")
    signed = envelope["signed"]
    if signed["version"] != want["version"]:  # 5.5.4, 5.6.4
        raise Untrusted("bad-metadata", role, signed["version"], want["version"])
    yield from _verify(role, delegation, envelope)  # 5.5.3, 5.6.3
    _check_expiry(role, signed, now)  # 5.5.6, 5.6.5
    return signed


def _name(role, want, root):
    prefix = str(want["version"]) + "." if root["consistent_snapshot"] else ""
    return prefix + quote(role) + ".json"


def _limit(want, most):
    return min(want.get("length", most), most)


def _read(held, role):
    """What was believed before; None where there is none, or it rotted."""
    stream = held.open(role)
    if stream is None:
        return None
    try:
        return parse(stream, role)
    except Untrusted:
        return None
    finally:
        stream.close()


def _check_version(name, offered, trusted):
    if offered["version"] < trusted["version"]:
        raise Untrusted("old-metadata", name, offered["version"], trusted["version"])


def _check_expiry(name, signed, now):
    if now is not None and signed["expires"] <= now:
        raise Untrusted("expired-metadata", name, signed["expires"], now)


# --- delegations (section 4.5)


def _delegates(signed, path, name, todo):
    """What to visit next, the last first: the roles that this one trusts with a path."""
    delegations = signed.get("delegations")
    if not delegations:
        return todo
    keys = delegations["keys"]
    bins = delegations.get("succinct_roles")
    if bins:
        return todo + [(bin_of(bins, name), (keys, bins))]
    found = []
    for role in delegations["roles"]:
        if is_trusted_with(role, path, name):
            found.append((role["name"], (keys, role)))
            if role["terminating"]:
                todo = []
                break
    return todo + list(reversed(found))


# --- signatures


def _top(root, role):
    return root["keys"], root["roles"][role]


def _verify(name, delegation, envelope):
    """Raise unless enough different keys of a role signed. Yields None now and then."""
    keys, role = delegation
    signed = envelope["signed"]
    digest = hashed(signed)
    signatures = {one["keyid"]: one["sig"] for one in envelope["signatures"]}
    good = set()
    for key_id in role["keyids"]:
        key = keys.get(key_id)
        text = signatures.get(key_id)
        if not (key and text) or hexlify(hashed(key)).decode() != key_id:
            continue
        is_good = yield from verify(key, text, digest, lambda put: canonical(signed, put))
        if is_good:
            good.add(public(key))  # one key under two ids counts once
            if len(good) >= role["threshold"]:
                return
    raise Untrusted("bad-signature", name, len(good), role["threshold"])
