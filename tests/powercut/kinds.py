"""The kinds of scenario, for both sides: CPython counts and judges, MicroPython lives them.

Each also exists with `-full` behind its name: on a file system that the application has filled.
"""

from collections import namedtuple

# life: which operations are counted, of an update, of deploy's setup over USB, or of a refresh of
# the metadata.
# firmware: how it comes ("" where there is none).  files: whether they are other than release 4's.
# fails: whether the new release's app raises.  number, image, outcome: what the board ends on, and
# says of release 5.
Kind = namedtuple("Kind", ("life", "firmware", "files", "fails", "number", "image", "outcome"))

KINDS = {
    "app": Kind("update", "", True, False, 5, "old", "done"),
    "firmware": Kind("update", "image", False, False, 5, "new", "done"),
    "both": Kind("update", "image", True, False, 5, "new", "done"),
    "patch": Kind("update", "patch", False, False, 5, "new", "done"),
    "rollback": Kind("update", "image", True, True, 4, "old", "failed"),
    "commit": Kind("commit", "image", True, False, 5, "new", "done"),
    "setup": Kind("setup", "", True, False, 4, "old", None),
    "config": Kind("setup", "", True, False, 4, "old", None),
    "move": Kind("setup", "", True, False, 4, "old", None),
    "metadata": Kind("trust", "", True, False, 4, "old", None),
}
_FULL = "-full"
NAMES = [name + suffix for suffix in ("", _FULL) for name in KINDS]


def kind_of(name):
    """(Kind, whether the file system is full) of a scenario."""
    is_full = name.endswith(_FULL)
    return KINDS[name[: -len(_FULL)] if is_full else name], is_full
