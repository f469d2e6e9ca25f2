"""boot.py: the decision table of DESIGN section 3 and every sentence below it."""

import io
import struct
import sys
import types
from binascii import crc32
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "boot.py"
POWER_ON, HARD, WATCHDOG, DEEP_SLEEP, SOFT = range(1, 6)
OLD = (b"ota_0", b"o" * 16)  # the firmware active was committed with
NEW = (b"ota_1", b"n" * 16)  # the one a trial may expect
THIRD = (b"ota_0", b"t" * 16)


class Gone(BaseException):
    """machine.reset()."""


class Partition:
    RUNNING = 1
    TYPE_APP = 0
    running = OLD
    there = (OLD, NEW)
    is_damaged = False
    calls = ()

    def __init__(self, which):
        self.identity = Partition.running if which == Partition.RUNNING else which

    def info(self):
        return (0, 16, 0, 0, self.identity[0].decode(), False)

    def readblocks(self, block, buffer, offset):
        assert (block, offset) == (0, 176)
        buffer[:] = self.identity[1]

    def set_boot(self):
        if Partition.is_damaged:
            raise OSError(-5379, "ESP_ERR_OTA_VALIDATE_FAILED")
        Partition.calls += ("set_boot " + self.identity[0].decode(),)

    @staticmethod
    def find(kind):
        return [Partition(identity) for identity in Partition.there]

    @staticmethod
    def mark_app_valid_cancel_rollback():
        Partition.calls += ("mark valid",)


class Board:
    """What boot.py sees: record files, reset cause, RTC memory, slots; and what it did to them."""

    def __init__(self, module, monkeypatch):
        self.boot = module
        self.files = {}
        self.is_full = False
        self.slots = {"/slots/a/device", "/slots/b/device"}
        self.cause = HARD
        self.memory_bytes = b"MPFR\1"
        self.watchdogs = []
        self.timers = []
        self.path = ["", "/lib"]
        monkeypatch.setattr(sys, "path", self.path)
        module.open = self.open
        module.os = types.SimpleNamespace(stat=self.stat)
        module.machine.RTC = lambda: self
        module.machine.reset_cause = lambda: self.cause
        module.machine.reset = self.reset
        module.machine.WDT = self.watchdog
        module.machine.Timer = lambda number: self
        Partition.running, Partition.there = OLD, (OLD, NEW)
        Partition.is_damaged, Partition.calls = False, ()

    def open(self, name, mode):
        if "w" not in mode:
            if name not in self.files:
                raise OSError(2)
            return io.BytesIO(self.files[name])
        if self.is_full:
            raise OSError(28)
        keep = self.files

        class File(io.BytesIO):
            def close(self):
                keep[name] = self.getvalue()
                super().close()

        return File()

    def stat(self, path):
        if path not in self.slots:
            raise OSError(2)
        return (1,)

    def memory(self, value=None):
        if value is not None:
            self.memory_bytes = value
        return self.memory_bytes

    def reset(self):
        raise Gone

    def watchdog(self, timeout):
        self.watchdogs.append(timeout)
        return types.SimpleNamespace(feed=lambda: self.watchdogs.append("fed"))

    def init(self, period, callback):
        self.timers.append((period, callback))

    def deinit(self):
        self.timers.append("ended")

    def write(self, **fields):
        """Put a record down."""
        keep, self.is_full = self.is_full, False
        assert self.boot.keep(record(self.boot, **fields))
        self.is_full = keep

    def start(self):
        """Run it; the slot whose path came first, or "-" for golden, "reset" where it reset."""
        self.path[:] = ["", "/lib"]
        try:
            self.boot.attempt(self.boot.start)
        except Gone:
            return "reset"
        slot = self.path[0][-1:] or "-"
        assert slot == "-" or self.path[:2] == [f"/slots/{slot}", f"/slots/{slot}/lib"]
        assert self.path[-2:] == ["", "/lib"]
        return slot

    @property
    def record(self):
        """The record as it stands."""
        found = self.boot.newest()
        found["reason"] = found["reason"].rstrip(b"\0").decode()
        return found


def load():
    """boot.py as a module, on fakes."""
    module = types.ModuleType("boot")
    sys.modules["machine"] = types.ModuleType("machine")
    sys.modules["micropython"] = types.SimpleNamespace(const=lambda x: x)
    sys.modules["esp32"] = types.SimpleNamespace(Partition=Partition)
    exec(compile(SOURCE.read_text(), str(SOURCE), "exec"), module.__dict__)  # noqa: S102 - boot.py is never imported
    return module


def record(boot, **changes):
    """Fields of a record: slot a is active on OLD."""
    fields = dict.fromkeys(boot.NAMES, 0)
    fields.update(
        magic=b"MPB1", sequence=6, active=b"a", trial=b"-", tries=3, watchdog_s=90, zero=b""
    )
    fields.update(label=OLD[0], elf=OLD[1], trial_label=b"", trial_elf=b"", reason=b"")
    for name, value in changes.items():
        fields[name] = value.encode() if isinstance(value, str) else value
    return fields


ON_TRIAL = {"trial": "b", "starts": 2, "activations": 3}
APP_ONLY = {**ON_TRIAL, "trial_label": OLD[0], "trial_elf": OLD[1]}
USED_UP = {**APP_ONLY, "starts": 0}
COMMITTING = {**USED_UP, "committing": 1}
WITH_FIRMWARE = {**ON_TRIAL, "trial_label": NEW[0], "trial_elf": NEW[1]}


@pytest.fixture
def board(monkeypatch):
    saved = {name: sys.modules.get(name) for name in ("machine", "micropython", "esp32")}
    yield Board(load(), monkeypatch)
    for name, module in saved.items():
        sys.modules.pop(name)
        if module:
            sys.modules[name] = module


# The rows of DESIGN section 3: record, firmware that runs; slot that starts, calls, record kept.
MISMATCH = {"reason": "firmware-mismatch"}
FAILED = {"trial": b"-", "reason": "not-committed"}
KEPT = {"trial": b"b", "starts": 2}
TABLE = {
    "none, the active's": ({}, OLD, "a", ["mark valid"], {}),
    "none, no OTA": ({}, None, "a", [], {}),
    "none, another, tries left": ({"tries": 1}, NEW, "reset", ["set_boot ota_0"], {"tries": 0}),
    "none, another, no tries left": ({"tries": 0}, NEW, "-", [], MISMATCH),
    "set, the expected, starts left": (APP_ONLY, OLD, "b", [], {"starts": 1}),
    "set, the expected firmware of its own": (WITH_FIRMWARE, NEW, "b", [], {"starts": 1}),
    "set, the expected, committing": (COMMITTING, OLD, "b", [], {"starts": 0}),
    "set, the expected, no starts left": (USED_UP, OLD, "a", ["mark valid"], FAILED),
    "the same, active's firmware elsewhere": (
        {**WITH_FIRMWARE, "starts": 0},
        NEW,
        "reset",
        ["set_boot ota_0"],
        {**FAILED, "tries": 2},
    ),
    "set, another, the active's": (WITH_FIRMWARE, OLD, "a", ["mark valid"], KEPT),
    "set, another, neither, tries left": (WITH_FIRMWARE, THIRD, "reset", ["set_boot ota_0"], KEPT),
    "set, another, neither, no tries": (
        {**WITH_FIRMWARE, "tries": 0},
        THIRD,
        "-",
        [],
        {**KEPT, **MISMATCH},
    ),
}


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_each_row_of_the_table(board, row):
    fields, running, slot, calls, kept = row
    Partition.running = running or (b"factory", bytes(16))
    board.write(**fields)
    assert board.start() == slot
    assert [*Partition.calls] == calls
    assert {name: board.record[name] for name in kept} == kept


def test_a_refused_set_boot_runs_golden(board):
    Partition.running, Partition.is_damaged = NEW, True
    board.write()
    assert board.start() == "-"
    assert board.record["reason"] == "firmware-mismatch"


def test_a_place_is_not_mistaken_for_its_contents(board):
    Partition.running, Partition.there = NEW, (THIRD, NEW)  # ota_0 was flashed with another image
    board.write()
    assert board.start() == "-"
    assert Partition.calls == ()


def test_going_back_to_the_actives_firmware_is_no_crash(board):
    Partition.running = NEW
    board.write()
    assert board.start() == "reset"
    Partition.running = OLD
    assert board.start() == "a"
    assert (board.record["crashes"], board.record["tries"]) == (0, 3)


def test_tries_end_in_golden(board):
    Partition.running = NEW
    board.write()
    assert [board.start() for _ in range(5)] == ["reset", "reset", "reset", "-", "-"]


def test_a_committing_trial_runs_only_on_its_firmware(board):
    board.write(**WITH_FIRMWARE, committing=1)
    assert (
        board.start() == "a"
    )  # power failed before it was marked valid: the client activates it again


# Starts


def test_two_starts_that_end_by_themselves_end_a_trial(board):
    board.write(**APP_ONLY)
    assert [board.start() for _ in range(3)] == ["b", "b", "a"]
    assert (board.record["trial"], board.record["reason"]) == (b"-", "not-committed")


def test_a_trial_that_starved_the_watchdog_is_recorded_so(board):
    board.write(**APP_ONLY)
    board.start()
    board.cause = WATCHDOG
    assert [board.start() for _ in range(2)] == ["b", "a"]
    assert board.record["reason"] == "watchdog"


def test_a_watchdog_before_the_trial_is_not_the_trials(board):
    board.cause = WATCHDOG
    board.write(**APP_ONLY)
    board.start()
    assert board.record["reason"] == ""


def test_power_on_is_not_charged_ten_times(board):
    board.write(**APP_ONLY)
    board.start()
    board.cause = POWER_ON
    assert [board.start() for _ in range(10)] == ["b"] * 10
    assert (board.record["starts"], board.record["spared"]) == (1, 10)


def test_power_on_is_charged_from_then_on_and_the_trial_counts_as_interrupted(board):
    board.write(**APP_ONLY)
    board.start()
    board.cause = POWER_ON
    slots = [board.start() for _ in range(12)]
    assert slots == ["b"] * 11 + ["a"]
    assert board.record["reason"] == "interrupted"


def test_power_on_before_the_first_start_gives_nothing_back(board):
    board.cause = POWER_ON
    board.write(**APP_ONLY)
    board.start()
    assert (board.record["starts"], board.record["spared"]) == (1, 0)


def test_an_activation_that_ended_by_power_on_is_not_charged(board):
    board.cause = POWER_ON
    board.write(**{**WITH_FIRMWARE, "starts": 1, "activations": 2})
    board.start()
    assert [board.record[n] for n in ("starts", "activations", "spared")] == [2, 3, 1]


def test_a_start_that_cannot_be_counted_is_not_taken(board):
    board.write(**APP_ONLY)
    board.is_full = True
    assert [board.start() for _ in range(3)] == ["a"] * 3
    assert (board.record["trial"], board.record["starts"]) == (b"b", 2)


def test_a_trial_whose_end_cannot_be_recorded_does_not_run(board):
    board.write(**{**APP_ONLY, "starts": 0})
    board.is_full = True
    assert board.start() == "a"


# Crashes


@pytest.mark.parametrize("cause", (HARD, WATCHDOG, 0))
def test_five_unannounced_resets_bring_golden_up(board, cause):
    board.write()
    board.cause, board.memory_bytes = cause, b""
    assert [board.start() for _ in range(6)] == ["a", "a", "a", "a", "-", "-"]
    assert (board.record["crashes"], board.record["reason"]) == (5, "crashes")


def test_an_announced_reset_is_no_crash_and_says_so_once(board):
    board.write()
    board.memory_bytes = b"MPFR\2"
    board.start()
    board.start()
    assert board.record["crashes"] == 1


def test_what_the_runtime_keeps_beside_the_announcement_stays(board):
    board.write()
    board.memory_bytes = b"MPFR\1\1\2\3"
    board.start()
    assert board.memory_bytes == b"MPFR\0\1\2\3"


@pytest.mark.parametrize("memory", (b"", b"MPF", b"MPFR", b"MPFR\0", b"mine"))
def test_memory_that_is_not_ours_announces_nothing(board, memory):
    board.write()
    board.memory_bytes = memory
    board.start()
    assert (board.record["crashes"], board.memory_bytes) == (1, memory)


def test_a_reset_of_golden_is_no_crash(board):
    board.write(crashes=5)
    board.memory_bytes = b""
    board.start()
    assert board.record["sequence"] == 7  # nothing was written


def test_a_power_on_tries_the_active_slot_again_once(board):
    board.write(crashes=5)
    board.cause = POWER_ON
    assert board.start() == "a"
    board.cause, board.memory_bytes = WATCHDOG, b""
    assert board.start() == "-"


def test_an_ordinary_start_writes_nothing(board):
    board.write()
    for board.cause in (POWER_ON, HARD, SOFT, DEEP_SLEEP):
        board.memory_bytes = b"MPFR\1"
        board.start()
    assert board.record["sequence"] == 7


def test_five_good_wakes_clear_the_crashes(board):
    board.write(crashes=3)
    board.cause = DEEP_SLEEP
    for _ in range(5):
        board.start()
    assert (board.record["crashes"], board.record["wakes"]) == (0, 0)


def test_a_crash_between_wakes_starts_the_count_over(board):
    board.write(crashes=3, wakes=4)
    board.memory_bytes = b""
    board.start()
    assert (board.record["crashes"], board.record["wakes"]) == (4, 0)


def test_a_crash_that_cannot_be_counted_runs_golden(board):
    board.write()
    board.memory_bytes, board.is_full = b"", True
    assert board.start() == "-"


def test_resets_of_a_trial_are_not_charged_to_the_active_slot(board):
    board.write(**APP_ONLY)
    board.memory_bytes = b""
    board.start()
    board.start()
    board.start()
    assert board.record["crashes"] == 0


def test_a_commit_that_crashes_again_and_again_ends_in_golden(board):
    board.write(**APP_ONLY, committing=1)
    board.memory_bytes = b""
    assert [board.start() for _ in range(5)] == ["b"] * 4 + ["-"]


def test_golden_still_runs_a_trial(board):
    board.write(**APP_ONLY, crashes=5)
    assert board.start() == "b"


def test_golden_on_the_actives_firmware_keeps_that_firmware(board):
    board.write(crashes=5)
    board.start()
    assert Partition.calls == ("mark valid",)


# Soft reset, watchdog


@pytest.mark.parametrize(
    ("fields", "running", "slot"),
    (
        ({}, OLD, "a"),
        ({**APP_ONLY, "starts": 0}, OLD, "b"),
        ({"crashes": 5}, OLD, "-"),
        ({"crashes": 4}, OLD, "a"),
        ({"tries": 3}, NEW, "-"),
        (WITH_FIRMWARE, OLD, "a"),
    ),
)
def test_a_soft_reset_chooses_the_same_and_touches_nothing(board, fields, running, slot):
    board.write(**fields)
    before = board.record
    Partition.running, board.cause = running, SOFT
    assert board.start() == slot
    assert (board.record, Partition.calls) == (before, ())


@pytest.mark.parametrize("fields", ({}, APP_ONLY))
def test_the_watchdog_is_armed_for_what_runs(board, fields):
    board.write(**fields)
    board.start()
    assert (board.watchdogs, board.timers) == ([90000], [])


@pytest.mark.parametrize("fields", ({"crashes": 5}, {"watchdog_s": 0}, {"active": "-"}))
def test_the_watchdog_is_not_armed(board, fields):
    board.write(**fields)
    board.start()
    assert board.watchdogs == []


@pytest.mark.parametrize("fields", ({}, {"crashes": 5}))
def test_after_a_soft_reset_a_timer_feeds_for_ten_minutes(board, fields):
    board.write(**fields)
    board.cause = SOFT
    board.start()
    [(period_ms, feed)] = board.timers
    for _ in range(600000 // period_ms + 1):
        feed(board)
    assert board.watchdogs == [90000] + ["fed"] * (600000 // period_ms)
    assert board.timers[1:] == ["ended"]


def test_a_short_watchdog_is_fed_in_time(board):
    board.write(watchdog_s=2)
    board.cause = SOFT
    board.start()
    assert board.timers[0][0] == 500


# Nothing to go by


def test_no_record_runs_golden(board):
    assert board.start() == "-"


@pytest.mark.parametrize(
    "damage", (lambda d: b"", lambda d: d[:50], lambda d: b"X" + d[1:], lambda d: d[:-1] + b"X")
)
def test_a_torn_record_leaves_the_one_before(board, damage):
    board.write(sequence=6)
    board.write(sequence=7, active="b")
    board.files["/state/boot0"] = damage(board.files["/state/boot0"])
    assert board.start() == "a"


def test_a_longer_record_of_a_later_format_is_read(board):
    board.write()
    board.files["/state/boot1"] += b"later fields and a CRC of their own"
    assert board.start() == "a"


def test_a_slot_without_a_runtime_is_not_run(board):
    board.write()
    board.slots.clear()
    assert board.start() == "-"


def test_a_board_without_esp32_runs_its_active_slot(board):
    sys.modules["esp32"] = None
    board.write()
    assert board.start() == "a"


@pytest.mark.parametrize("broken", ("reset_cause", "WDT", "RTC"))
def test_nothing_that_fails_keeps_main_from_running(board, broken):
    def fail(*_, **__):
        raise OSError(-1)

    board.write()
    setattr(board.boot.machine, broken, fail)
    assert board.start() in ("a", "-")


def test_the_record_is_what_spec_says(board):
    board.write(
        sequence=4, active="b", trial="a", watchdog_s=300, reason="watchdog", number=7, crashes=2
    )
    data = board.files["/state/boot1"]
    assert len(data) == 104
    assert data[:10] == b"MPB1" + struct.pack("<I", 5) + b"ba"
    assert (data[14], data[18:20], data[68:76]) == (2, b"\x2c\x01", b"watchdog")
    assert (data[92:96], data[96:100]) == (b"\7\0\0\0", bytes(4))
    assert data[100:] == struct.pack("<I", crc32(data[:100]))


def test_it_is_small():
    assert SOURCE.stat().st_size < 10000  # compiled on the board at each start
