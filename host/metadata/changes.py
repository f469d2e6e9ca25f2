"""What a change makes of the last trusted metadata. Pure and deterministic.

Every approver makes the same bytes of the same trusted metadata and the same change, and so does
the host: nobody signs what somebody else composed.
"""

import copy
import hashlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from securesystemslib.formats import encode_canonical
from tuf.api.metadata import DelegatedRole, Delegations, Root, TargetFile, Targets

from host.errors import HostError
from host.metadata import keys, periods, room

ENTRIES_MAX = 24  # of a role: a board holds it as a whole, at 510 bytes an entry
_VALUES_MAX = 300  # JSON values in them: some 45 bytes each, whatever they are
FLEET = "fleet.json"
RESERVED = ("root", "targets", "snapshot", "timestamp", "fleet")  # no product is called so
SIGNING_ROLES = ("root", "targets")  # those of people
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_ODD_CLOCK = timedelta(days=1)
_WAIT_MAX = timedelta(days=30)  # for signatures; then it is proposed anew


@dataclass(frozen=True)
class Change:
    """What is to become of the targets of version `base`."""

    kind: str  # of _EFFECTS below
    base: int
    version: int
    issued: datetime
    path: str = ""  # of the target that comes or goes
    content: bytes = b""  # of the target that comes
    custom: dict | None = None
    removals: tuple = ()  # paths that make room
    add: tuple = ()  # (role, what metadata writes about a key)
    remove: tuple = ()  # key ids
    thresholds: dict = field(default_factory=dict)


def first(root_keys, targets_keys, online_key, now):
    """The first root and targets of a fleet: {"root": Root, "targets": Targets}."""
    now = _whole(now)
    root = Root(version=1, expires=now + periods.period("root"), consistent_snapshot=True)
    seats = {"root": root_keys, "targets": targets_keys, "snapshot": [online_key],
             "timestamp": [online_key]}  # fmt: skip
    for role, held in seats.items():
        for key in held:
            root.add_key(key, role)
    return {"root": root, "targets": _targets({}, 1, now)}


def path_of(product, number):
    """The name of a release's manifest among the targets."""
    return f"{product}/{number}.json"


def custom(product, number, boards):
    """What the target says of a release beside its hash."""
    return {"product": product, "number": number, "boards": boards}


def product_of(path):
    """The product that a target is of, None of the fleet's own."""
    return path.split("/")[0] if "/" in path else None


def compose(trusted, change):
    """The signed parts that a change makes new, by role.

    Raises: HostError `stale-proposal`, `bad-request`, `too-many-targets`, `too-many-products`.
    """
    if change.base != trusted.targets.version:
        newest = trusted.targets.version
        message = f"The change is to targets {change.base}, but {newest} is the newest. Ask again."
        raise HostError("stale-proposal", message)
    if change.version <= change.base or change.issued != _whole(change.issued):
        raise HostError("bad-request", "The change has an impossible version or time.")
    entries = trusted.entries()
    _EFFECTS[change.kind](entries, change)
    root = _root(trusted.root, change)
    parts = {} if root is None else {"root": root}
    if (
        not parts
        or root.roles["targets"] != trusted.root.roles["targets"]
        or change.kind == "renew"
    ):
        parts |= _divide(trusted, entries, root or trusted.root, change)
    return parts


def removals(trusted, change, kept):
    """The oldest targets that make room in a full product's role; those of `kept` stay."""
    product = product_of(change.path)
    paths = [p for p in trusted.entries() if product_of(p) == product and p != change.path]
    oldest = sorted((p for p in paths if p not in kept), key=_number)
    left = {p: one for p, one in trusted.entries().items() if p in paths}
    left[change.path] = _entry(change)
    gone = []
    while is_full(left) and len(gone) < len(oldest):
        gone.append(oldest[len(gone)])
        del left[gone[-1]]
    return tuple(gone)


def is_full(entries):
    """Whether targets are more than a board can hold of one role."""
    values = sum(map(_values, entries.values()))
    return len(entries) > ENTRIES_MAX or values > _VALUES_MAX


def difference(trusted, parts, change):
    """What a person should see before signing, as sentences; what takes away comes first."""
    before, after = trusted.entries(), _after(trusted, parts)
    lines = [f"- {path} is taken out" for path in sorted(before.keys() - after.keys())]
    lines += [f"- key {keyid[:16]}… no longer signs" for keyid in change.remove]
    lines += [f"+ {path} sha256 {after[path].hashes['sha256'][:16]}…, {after[path].length} bytes"
              for path in sorted(after.keys() - before.keys())]  # fmt: skip
    others = [path for path in sorted(after) if path in before and after[path] != before[path]]
    lines += [f"~ {path} becomes sha256 {after[path].hashes['sha256'][:16]}…" for path in others]
    for role, value in change.add:
        lines.append(f"+ key {keys.public(value).keyid[:16]}… signs {role}")
    lines += [f"~ {role} takes {n} signatures" for role, n in sorted(change.thresholds.items())]
    new = sorted(parts.keys() - {"root", "targets"} - trusted.roles.keys())
    lines += [f"~ the releases of {name} move to a list of their own" for name in new]
    for name, signed in sorted(parts.items()):
        lines.append(f"~ {name} version {signed.version}, good until {signed.expires:%Y-%m-%d}")
    if "targets" in parts:
        lines += [f"! {one}" for one in room.alarms(parts["targets"], trusted.root)]
    return lines


def is_plausible(change, now):
    """Whether a change was proposed about now: an approver signs no time of somebody's choice."""
    return now - _WAIT_MAX < change.issued < now + _ODD_CLOCK


def moment(text):
    """A time as metadata writes it. Raises: ValueError."""
    return datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)


def text(when):
    """The same, the other way."""
    return when.astimezone(UTC).strftime(_FORMAT)


def _approve(entries, change):
    product = product_of(change.path)
    if any(product_of(path) != product for path in change.removals):
        raise HostError("bad-request", "A release makes room among those of its product only.")
    if product in (None, *RESERVED):
        raise HostError("bad-request", f"{change.path} is no release of a product.")
    for path in change.removals:
        entries.pop(path, None)
    entries[change.path] = _entry(change)


def _withdraw(entries, change):
    if entries.pop(change.path, None) is None:
        raise HostError("not-found", f"{change.path} is not among the targets.")


def _fleet(entries, change):
    if change.path != FLEET:
        raise HostError("bad-request", f"The fleet's own target is {FLEET}.")
    entries[FLEET] = _entry(change)


def _leave(entries, change):
    """Keys change, targets do not."""


_EFFECTS = {"approve": _approve, "withdraw": _withdraw, "fleet": _fleet, "keys": _leave,
            "renew": _leave}  # fmt: skip


def _entry(change):
    hashes = {"sha256": hashlib.sha256(change.content).hexdigest()}
    more = {} if change.custom is None else {"custom": change.custom}
    return TargetFile(len(change.content), hashes, change.path, more)


def _root(before, change):
    if change.kind not in ("keys", "renew"):
        return None
    root = copy.deepcopy(before)
    root.version, root.expires = before.version + 1, change.issued + periods.period("root")
    for role, value in change.add:
        for name in periods.ONLINE if role == "online" else (role,):
            root.add_key(keys.public(value), name)
    for keyid in change.remove:
        _revoke(root, keyid)
    for role, threshold in change.thresholds.items():
        root.roles[role].threshold = threshold
    for name, role in root.roles.items():
        role.keyids.sort()
        if not 1 <= role.threshold <= len(role.keyids):
            many = f"{role.threshold} signatures of {len(role.keyids)} keys"
            raise HostError("bad-request", f"{name} would take {many}: give --threshold.")
    return root


def _revoke(root, keyid):
    found = [name for name, role in root.roles.items() if keyid in role.keyids]
    if not found:
        raise HostError("no-key", f"No role has the key {keyid[:64]}.")
    for name in found:
        root.revoke_key(keyid, name)


def _divide(trusted, entries, root, change):
    """Targets over their roles: a product that has grown too large gets one of its own."""
    apart = set(trusted.roles)
    while is_full(top := _without(entries, apart)):
        sizes = Counter(product_of(path) for path in top if product_of(path))
        apart.add(min(sizes, key=lambda product: (-sizes[product], product)))
    made = {"targets": _targets(top, change.version, change.issued, _delegations(root, apart))}
    room.must_suffice(trusted.targets, made["targets"], root)
    has_new_keys = _seats(trusted.targets.delegations) != _seats(made["targets"].delegations)
    for product in apart:
        inside = {p: e for p, e in entries.items() if product_of(p) == product}
        if is_full(inside):
            many = f"{len(inside)} approved releases, more than boards hold"
            raise HostError("too-many-targets", f"{product} has {many}: withdraw some.")
        before = trusted.roles.get(product)
        is_due = before and periods.is_due(product, before.expires, change.issued)
        if (
            not before
            or before.targets != inside
            or is_due
            or has_new_keys
            or change.kind == "renew"
        ):
            made[product] = _targets(inside, change.version, change.issued)
    return made


def _without(entries, products):
    return {path: one for path, one in entries.items() if product_of(path) not in products}


def _seats(delegations):
    every = delegations.roles.values() if delegations else ()
    return {(tuple(role.keyids), role.threshold) for role in every}


def _delegations(root, products):
    if not products:
        return None
    role = root.roles["targets"]
    roles = {
        name: DelegatedRole(name, list(role.keyids), role.threshold, True, paths=[f"{name}/*"])
        for name in sorted(products)
    }
    return Delegations({keyid: root.keys[keyid] for keyid in role.keyids}, roles)


def _targets(entries, version, issued, delegations=None):
    return Targets(
        version=version, expires=issued + periods.period("targets"), targets=dict(entries),
        delegations=delegations, unrecognized_fields={"issued": text(issued)},
    )  # fmt: skip


def _after(trusted, parts):
    roles = {name: one for name, one in parts.items() if name not in ("root", "targets")}
    return trusted._replace(
        targets=parts.get("targets", trusted.targets), roles={**trusted.roles, **roles}
    ).entries()


def _values(entry):
    """JSON values of a target, counted as boards do: by what opens and parts them."""
    return sum(encode_canonical(entry.to_dict()).count(mark) for mark in "[{,") + 1


def _number(path):
    return int(path.rsplit("/", 1)[1].removesuffix(".json"))


def _whole(when):
    return when.replace(microsecond=0)
