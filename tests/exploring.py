"""How far the property tests walk: always the same way, or (`make explore`) farther and at random.

So what a change broke is told from what chance found. A walk that fails is printed, with a line
to repeat it by.
"""

import os

from hypothesis import Phase, settings

_TIMES = int(os.environ.get("EXPLORE", "0"))
# "explain" repeats the failing walk line by line for many minutes and says little of a database.
_PHASES = [one for one in Phase if one is not Phase.explain]


def examples(usual):
    """How many examples a test tries that tries so many in `make test`."""
    return usual * max(_TIMES, 1)


def configure():
    """Make this the default of all tests; to be called before any is imported."""
    settings.register_profile(
        "mpfleet", max_examples=examples(100), derandomize=not _TIMES, phases=_PHASES,
        database=None, deadline=None, print_blob=True,
    )  # fmt: skip
    settings.load_profile("mpfleet")
