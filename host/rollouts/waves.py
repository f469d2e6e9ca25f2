"""Which device is in which wave: by the hash of its id, so the same on every machine."""

import hashlib

_PERCENT = 100


def rank(device_id, salt):
    """Where a device stands in the order of one release; `salt` is `<product>/<number>`.

    Of each release anew, so that not the same devices are always the first.
    """
    return hashlib.sha256(f"{salt}:{device_id}".encode()).hexdigest()


def order(ids, salt):
    """Device ids in the order in which a release reaches them."""
    return sorted(ids, key=lambda one: rank(one, salt))


def sample(ids, salt, percent):
    """The first so many percent of devices, at least one of any."""
    found = order(ids, salt)
    return found[: max(1, _share(len(found), percent))]


def split(ids, salt, plan, tagged=()):
    """Device ids by wave, a list of lists. `tagged` are those with the canaries' tag."""
    found = order(ids, salt)
    first = set(tagged if plan.canary_tag else found[: plan.canary])
    canaries = [one for one in found if one in first]
    rest = [one for one in found if one not in first]
    ends = [_share(len(rest), sum(plan.waves[: n + 1])) for n in range(len(plan.waves))]
    waves = [rest[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return [canaries, *waves] if plan.has_canaries else waves


def _share(count, percent):
    return -(-count * percent // _PERCENT)  # rounded up: no early wave is empty without need
