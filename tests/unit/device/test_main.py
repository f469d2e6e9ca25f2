"""main.py: which of the golden copy's two programs runs, by what the last run wished."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MAIN = ROOT / "main.py"

SCRIPT = """
import esp32, machine
machine.RTC.stored = bytes(given[0])
nvs = esp32.NVS("mpfleet")
for key, value in given[3].items():
    nvs.set_blob(key, value.encode()) if isinstance(value, str) else nvs.set_i32(key, value)
nvs.commit()
sys.path[:0] = ["/slots/a", given[1]]
exec(given[2])
print([p for p in sys.path if p.startswith("/slots")], machine.RTC.stored)
"""
NETWORK = '[{"ssid": "home", "password": ""}]'


@pytest.fixture
def start(on_board, tmp_path):
    """Runs main.py with two programs that say that they run; the lines that come out."""
    folder = tmp_path / "device"
    (folder / "provisioning").mkdir(parents=True)
    (folder / "provisioning/mode.py").write_text("def main(wish): print('provisioning', wish)\n")
    (folder / "start.py").write_text("def grow(): pass\n")
    (folder / "run.py").write_text("def main(): print('runtime')\n")
    (tmp_path / "state").mkdir()

    def run(memory=b"", nvs=None, **files):
        for name, text in files.items():
            (tmp_path / f"state/{name}.json").write_text(text)
        main = MAIN.read_text().replace("/state/", f"{tmp_path}/state/")
        main = main.replace("/device/provisioning", f"{folder}/provisioning")
        return on_board(SCRIPT, list(memory), str(tmp_path), main, nvs or {})

    run.folder = folder
    return run


@pytest.mark.parametrize(
    ("memory", "says", "slots", "after"),
    (
        (b"", "runtime", 1, b""),
        (b"MPFR\0\0\0\0", "runtime", 1, b"MPFR\0\0\0\0"),
        (b"MPFR\0\1\2\0", "runtime", 1, b"MPFR\0\1\2\0"),
        (b"MPFR\0\2\1\1", "provisioning 2", 0, b"MPFR\0\0\1\1"),
        (b"MPFR\0\3\0\0", "provisioning 3", 0, b"MPFR\0\0\0\0"),
        (b"MPFR\0\4\0\0", "runtime", 1, b"MPFR\0\4\0\0"),
        (b"else\0\2\0\0", "runtime", 1, b"else\0\2\0\0"),
        (b"MPFR\0", "runtime", 1, b"MPFR\0"),
    ),
    ids=(
        "power-on", "nothing", "update mode", "no network", "button", "unknown",
        "somebody else's", "short",
    ),
)  # fmt: skip
def test_what_runs_after_a_wish_and_that_it_is_told_once(start, memory, says, slots, after):
    lines = start(memory, wifi=NETWORK)
    assert lines == [says, f"{['/slots/a'] * slots} {after}"]


DEPLOYED = {"host": "{}"}


@pytest.mark.parametrize(
    ("nvs", "files", "says"),
    (
        (DEPLOYED, {}, "provisioning 0"),
        (DEPLOYED, {"wifi": "[]"}, "provisioning 0"),
        (DEPLOYED, {"wifi": "garb"}, "provisioning 0"),
        ({**DEPLOYED, "opened": 600}, {}, "provisioning 0"),
        (DEPLOYED, {"wifi": NETWORK}, "runtime"),
        ({**DEPLOYED, "opened": -1}, {}, "runtime"),
        ({**DEPLOYED, "opened": -2}, {}, "runtime"),
        (DEPLOYED, {"config": '{"provisioning": "off"}'}, "runtime"),
        ({}, {}, "runtime"),
    ),
    ids=(
        "new", "an empty list", "garbage", "used up", "knows a network", "was online",
        "was claimed", "switched off", "was never deployed",
    ),
)  # fmt: skip
def test_only_a_new_board_without_a_network_waits_for_one(start, nvs, files, says):
    assert start(nvs=nvs, **files)[0] == says


@pytest.mark.parametrize("memory", (b"", b"MPFR\0\3\0\0"))
def test_a_golden_copy_that_came_earlier_has_no_provisioning(start, memory):
    (start.folder / "provisioning/mode.py").unlink()
    (start.folder / "provisioning").rmdir()
    assert start(memory, DEPLOYED)[0] == "runtime"
