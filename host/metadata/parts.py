"""Signed parts of metadata: their bytes, signatures over them, and who still has to sign. Pure."""

from typing import NamedTuple

from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Signature
from tuf.api.metadata import Metadata, Root, Targets
from tuf.api.serialization.json import CanonicalJSONSerializer

from host.errors import HostError

_BASIC_PLANE_LAST = 0xFFFF
_SURROGATES = range(0xD800, 0xE000)


class Trusted(NamedTuple):
    """What the newest metadata says: the root, the top-level targets, each product's role."""

    root: Root
    targets: Targets
    roles: dict[str, Targets]

    def entries(self):
        """Every target by its path, in whatever role it stands."""
        every = dict(self.targets.targets)
        for one in self.roles.values():
            every |= one.targets
        return every

    def expiries(self):
        """When what people signed expires, by role."""
        ours = {"root": self.root, "targets": self.targets, **self.roles}
        return {role: signed.expires for role, signed in ours.items()}


class Seat(NamedTuple):
    """Keys of which `threshold` must sign a part; a new root has two, of the old and the new."""

    keys: dict
    threshold: int


def payload(signed):
    """The bytes that a signature is over.

    Raises: HostError `bad-text`: boards read no characters outside the basic plane.
    """
    _check_text(signed.to_dict())
    return CanonicalJSONSerializer().serialize(signed)


def sign(signer, signed):
    """A signature over a part: (key id, signature in hex)."""
    made = signer.sign(payload(signed))
    return made.keyid, made.signature


def seats(trusted, parts):
    """Who must sign each part of a change, by name."""
    root, targets = parts.get("root", trusted.root), parts.get("targets", trusted.targets)
    found = {}
    for name in parts:
        if name == "root":
            found[name] = [_seat(trusted.root, name), _seat(root, name)]
        else:
            found[name] = [_seat(root if name == "targets" else targets, name)]
    return found


def verify(name, signed, keyid, signature, of):
    """Raises: HostError `not-a-signer` (of no seat in `of`), `bad-signature`."""
    key = next((seat.keys[keyid] for seat in of if keyid in seat.keys), None)
    if key is None:
        raise HostError("not-a-signer", f"The key {keyid[:16]}… may not sign {name}.")
    try:
        key.verify_signature(Signature(keyid, signature), payload(signed))
    except (UnverifiedSignatureError, ValueError) as error:
        message = f"The signature over {name} is not over these bytes."
        raise HostError("bad-signature", message) from error


def envelope(signed, signatures):
    """The bytes of a metadata file; `signatures` are {key id: hex}."""
    payload(signed)  # refuses what may not be written
    kept = {keyid: Signature(keyid, one) for keyid, one in sorted(signatures.items())}
    return Metadata(signed, kept).to_bytes()


def _seat(delegator, name):
    role = delegator.get_delegated_role(name)
    return Seat({keyid: delegator.get_key(keyid) for keyid in role.keyids}, role.threshold)


def _check_text(value):
    if isinstance(value, dict):
        for name, inner in value.items():
            _check_text(name)
            _check_text(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_text(inner)
    elif isinstance(value, str):
        odd = [c for c in value if ord(c) > _BASIC_PLANE_LAST or ord(c) in _SURROGATES]
        if odd:
            message = f"{odd[0]!a} may not stand in metadata: boards could not read it."
            raise HostError("bad-text", message)
