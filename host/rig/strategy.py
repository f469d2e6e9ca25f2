"""The states of a board on a rig, and how one comes after another. Pure."""

from itertools import pairwise

STATES = ("off", "powered", "repl", "deployed", "online")

# From a state to the next; a board that is to go back is switched off first.
TRANSITIONS = {
    ("off", "powered"): "switch_on",
    ("powered", "repl"): "stop",
    ("repl", "deployed"): "deploy",
    ("deployed", "online"): "await_online",
}
_BACK = "switch_off"


def route(current: str, wanted: str) -> list[tuple[str, str]]:
    """What to do, and the state it leads to, one after another.

    Raises:
        ValueError: a state that there is not.
    """
    if wanted not in STATES:
        raise ValueError(f"there is no state {wanted!r}: {', '.join(STATES)}")
    at, end = STATES.index(current), STATES.index(wanted)
    back = [(_BACK, "off")] if end < at else []
    at = 0 if back else at
    path = STATES[at : end + 1]
    return back + [(TRANSITIONS[a, b], b) for a, b in pairwise(path)]
