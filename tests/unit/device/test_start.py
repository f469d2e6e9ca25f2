"""What is told of a run that ended badly."""

import pytest

REASON = """
from device.start import reason_of
class Record:
    mode, active, reason = given[0], given[1], given[2]
print(reason_of(Record, given[3], given[4]))
"""


@pytest.mark.parametrize(
    ("mode", "active", "reason", "traceback", "cause", "expected"),
    (
        ("golden", "a", "crashes", None, 2, "crashes"),
        ("golden", "a", "firmware-mismatch", None, 2, "firmware-mismatch"),
        ("golden", "-", "", None, 1, None),  # a board without a release yet
        ("active", "a", "", None, 1, None),
        ("active", "a", "", None, 2, None),
        ("active", "a", "", None, 3, "watchdog"),
        ("active", "a", "", "Traceback", 2, "start-failed"),
    ),
)
def test_the_word_for_how_it_ended(on_both, mode, active, reason, traceback, cause, expected):
    assert on_both(REASON, mode, active, reason, traceback, cause) == [str(expected)]


TELL = """
from device.start import tell
from device.store import Store
class Record:
    mode, active, reason, crashes, number = given[1], "a", "", 2, given[2]
class Reports:
    def add(self, kind, **fields):
        print(kind, sorted(fields.items()))
store = Store(given[0])
store.write("traceback", b"Traceback: x")
tell(Record, Reports(), store, lambda *values: None, 2)
print(store.read("traceback"))
"""


def test_a_traceback_is_reported_once(on_both, tmp_path):
    assert on_both(TELL, str(tmp_path / "s"), "active", 0) == [
        "boot [('detail', 'crash 2 of 5'), ('reason', 'start-failed'), "
        "('traceback', 'Traceback: x')]",
        "None",
    ]


@pytest.mark.parametrize(("mode", "number"), (("trial", 4), ("active", 4)), ids=["runs", "ended"])
def test_a_trials_traceback_is_left_for_the_update(on_both, tmp_path, mode, number):
    assert on_both(TELL, str(tmp_path / "s"), mode, number) == ["b'Traceback: x'"]


def test_golden_waits_longer_each_time_up_to_a_day(on_both):
    script = "from device.start import retry_s\nprint([retry_s(n) // 3600 for n in range(8)])"
    assert on_both(script) == ["[1, 2, 4, 8, 16, 32, 32, 32]"]


CAN = """
import os
from device import start
start.os = os_of = type("Os", (), {"stat": staticmethod(lambda path: given[0] or os.stat("/nowhere"))})
class Config: provisioning = given[1]
print(start.can_provision(Config))
"""


@pytest.mark.parametrize(
    ("is_there", "mode", "expected"),
    ((True, "open", True), (True, "button", True), (True, "off", False), (False, "open", False)),
)
def test_provisioning_needs_a_golden_copy_that_has_it(on_board, is_there, mode, expected):
    assert on_board(CAN, is_there, mode) == [str(expected)]
