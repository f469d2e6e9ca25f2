"""How far an update is, as a table."""

import pytest

from host.cli import standing

DEVICE = {"id": "24a160000001", "name": "kitchen", "assignment": None, "progress": None}


def device(state, reason=None, step=None, number=4):
    progress = {"number": number, "step": step, "done": 10, "total": 40} if step else None
    return {
        **DEVICE,
        "assignment": {"number": 4, "state": state, "reason": reason},
        "progress": progress,
    }


CASES = {  # device, text, ended, good
    "nothing": (DEVICE, "no update assigned", True, True),
    "offered": (device("offered"), "release 4 offered", False, False),
    "started": (device("started", step="stage"), "release 4 started stage", False, False),
    "other": (device("started", step="stage", number=3), "release 4 started", False, False),
    "done": (device("done", step="trial"), "release 4 done", True, True),
    "failed": (device("failed", "app-raised"), "release 4 failed (app-raised)", True, False),
    "refused": (device("refused", "no-space"), "release 4 refused (no-space)", True, False),
    "superseded": (device("superseded"), "release 4 superseded", True, False),
}


@pytest.mark.parametrize(("value", "text", "ended", "good"), CASES.values(), ids=CASES)
def test_a_device_stands_so(value, text, ended, good):
    one = standing.of(value)
    assert (one.text, one.has_ended, one.is_good) == (text, ended, good)


def test_progress_of_another_release_does_not_count():
    assert standing.of(device("started", step="stage", number=3)).total == 0
    assert standing.of(device("started", step="stage")).total == 40
