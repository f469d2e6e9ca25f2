"""How much of what boards read of the top-level targets is used, which products do. Pure."""

from tuf.api.metadata import Metadata

from host.errors import HostError

_BYTES, _VALUES = 32 * 1024, 1000  # that a board reads of a file (SPEC section 14)
_SIGNATURE_BYTES, _SIGNATURE_VALUES = 1200, 3  # of a key; RSA of 4096 bits, in hex
_ALARM = 0.8
_ADVICE = (
    "each product that has a list of its own takes room in it for good. Withdraw releases of "
    "products that have none, and give further products a host of their own."
)


def must_suffice(before, after, root):
    """Refuse targets that boards would not read, unless those before were no smaller.

    Raises: HostError `too-many-products`.
    """
    share = _share(after, root)
    if share > 1 and share > _share(before, root):
        message = f"The targets would have {share:.0%} of what a board reads: {_ADVICE}"
        raise HostError("too-many-products", message)


def alarms(targets, root):
    """What a person should know of it: a sentence, or none."""
    share = _share(targets, root)
    if share < _ALARM:
        return []
    products = len(targets.delegations.roles) if targets.delegations else 0
    return [f"The targets have {share:.0%} of what a board reads ({products} products): {_ADVICE}"]


def _share(targets, root):
    content = Metadata(targets, {}).to_bytes()
    keys = len(root.roles["targets"].keyids)
    size = len(content) + keys * _SIGNATURE_BYTES
    # counted as boards do: by what opens values and parts them
    values = sum(map(content.count, (b"[", b"{", b","))) + 1 + keys * _SIGNATURE_VALUES
    return max(size / _BYTES, values / _VALUES)
