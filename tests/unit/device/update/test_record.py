"""The boot record: the same bytes as boot.py, and no write that a cut could make worse."""

import struct
import sys
import time
import types
from pathlib import Path

import pytest

from device.errors import StorageFull
from device.update import record, trial
from device.update.record import BootRecord

BOOT = Path(__file__).parents[4] / "boot.py"
FIELDS = {
    **record.blank(),
    "active": "a",
    "trial": "b",
    "committing": 1,
    "starts": 2,
    "activations": 3,
    "tries": 1,
    "crashes": 4,
    "spared": 9,
    "wakes": 5,
    "rounds": 200,
    "watchdog_s": 300,
    "firmware": (b"ota_0", b"o" * 16),
    "expected": (b"ota_1", b"n" * 16),
    "reason": "firmware-mismatch",
    "number": 2**31 - 1,
}


@pytest.fixture(autouse=True)
def ticks(monkeypatch):
    monkeypatch.setattr(time, "ticks_ms", lambda: 0, raising=False)


@pytest.fixture
def boot(monkeypatch):
    """boot.py's own codec."""
    monkeypatch.setitem(sys.modules, "machine", types.ModuleType("machine"))
    monkeypatch.setitem(sys.modules, "micropython", types.SimpleNamespace(const=lambda x: x))
    module = types.ModuleType("boot")
    exec(compile(BOOT.read_text(), str(BOOT), "exec"), module.__dict__)  # noqa: S102 - boot.py is never imported
    return module


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path)


def test_boot_reads_what_the_runtime_writes(boot, tmp_path):
    boot.open = lambda name, mode: open(tmp_path / Path(name).name, mode)  # noqa: SIM115 - it is closed by boot.py
    (tmp_path / "boot1").write_bytes(record.pack(7, FIELDS))
    seen = boot.newest()
    names = (
        "committing",
        "starts",
        "activations",
        "tries",
        "crashes",
        "spared",
        "wakes",
        "rounds",
    )
    assert {n: seen[n] for n in (*names, "watchdog_s", "number")} == {
        n: FIELDS[n] for n in (*names, "watchdog_s", "number")
    }
    assert (seen["active"], seen["trial"], seen["sequence"]) == (b"a", b"b", 7)
    assert boot.fits(seen, "", FIELDS["firmware"])
    assert boot.fits(seen, "trial_", FIELDS["expected"])
    assert seen["reason"].rstrip(b"\0") == b"firmware-mismatch"


def test_the_runtime_reads_what_boot_writes(boot, tmp_path):
    boot.open = lambda name, mode: open(tmp_path / Path(name).name, mode)  # noqa: SIM115 - it is closed by boot.py
    (tmp_path / "boot1").write_bytes(record.pack(7, FIELDS))
    seen = boot.newest()
    seen["crashes"] = 5
    assert boot.keep(seen)
    assert record.unpack((tmp_path / "boot0").read_bytes()) == (8, {**FIELDS, "crashes": 5})


def test_a_record_is_small_enough_to_live_in_its_folder():
    assert len(record.pack(1, FIELDS)) == 104


def test_boot_and_runtime_mean_the_same_counts(boot):
    source = BOOT.read_text()
    for name, value in (
        ("STARTS", trial.STARTS),
        ("ACTIVATIONS", trial.ACTIVATIONS),
        ("TRIES", record.TRIES),
        ("CRASHES", record.CRASHES),
    ):
        assert f"_{name} = const({value})" in source


def test_a_change_leaves_the_old_record_beside_the_new(folder):
    r = BootRecord(folder, [])
    r.change(active="a")
    r.change(active="b")
    assert [
        record.unpack(Path(folder, n).read_bytes())[1]["active"] for n in ("boot1", "boot0")
    ] == ["a", "b"]


@pytest.mark.parametrize("torn", (b"", b"MPB1", bytes(104), b"\xff" * 104))
def test_a_torn_record_leaves_the_one_before(folder, torn):
    r = BootRecord(folder, [])
    r.change(active="a")
    r.change(active="b")
    Path(folder, "boot0").write_bytes(torn)
    assert BootRecord(folder, []).active == "a"


def test_no_record_is_a_blank_one(folder):
    r = BootRecord(folder, [])
    assert (r.is_valid, r.active, r.trial, r.mode, r.watchdog_s) == (False, "-", "-", "golden", 0)


def test_a_record_that_cannot_be_written_changes_nothing(folder):
    r = BootRecord(folder + "/nowhere", [])
    with pytest.raises(StorageFull):
        r.change(active="a")
    assert r.active == "-"


@pytest.mark.parametrize(
    ("path", "mode"),
    (
        (["", "/lib"], "golden"),
        (["/slots/a", "/slots/a/lib", ""], "active"),
        (["/slots/b", "/slots/b/lib", ""], "trial"),
    ),
)
def test_sys_path_says_what_runs(folder, path, mode):
    r = BootRecord(folder, path)
    r.change(active="a", trial="b")
    assert r.mode == mode


def test_a_commit_makes_the_trial_active_and_starts_the_counts_over(folder):
    r = BootRecord(folder, [])
    r.change(active="a", crashes=4, rounds=3)
    r.change(**trial.on_trial("b", (b"ota_1", b"n" * 16), 9))
    r.change(**trial.committed(r))
    assert (r.active, r.trial, r.firmware, r.number) == ("b", "-", (b"ota_1", b"n" * 16), 9)
    assert (r.crashes, r.rounds, r.committing) == (0, 0, 0)


def test_a_new_trial_has_all_its_starts_and_no_reason(folder):
    r = BootRecord(folder, [])
    r.fail("unhealthy")
    r.change(**trial.on_trial("b", None, 9))
    assert (r.starts, r.activations, r.spared, r.reason, r.expected) == (2, 3, 0, "", None)
