"""main.py: which of the golden copy's two programs runs, by what the last run wished."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MAIN = ROOT / "main.py"

SCRIPT = """
import machine
machine.RTC.stored = bytes(given[0])
sys.path[:0] = ["/slots/a", given[1]]
exec(given[2])
print([p for p in sys.path if p.startswith("/slots")], machine.RTC.stored)
"""


@pytest.fixture
def fakes(tmp_path):
    """Two programs that say that they run."""
    folder = tmp_path / "device"
    (folder / "provisioning").mkdir(parents=True)
    (folder / "provisioning/mode.py").write_text("def main(wish): print('provisioning', wish)\n")
    (folder / "start.py").write_text("def grow(): pass\n")
    (folder / "run.py").write_text("def main(): print('runtime')\n")
    return tmp_path


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
def test_what_runs_after_a_wish_and_that_it_is_told_once(
    on_board, fakes, memory, says, slots, after
):
    lines = on_board(SCRIPT, list(memory), str(fakes), MAIN.read_text())
    assert lines == [says, f"{['/slots/a'] * slots} {after}".replace("\\0", "\\x00")]
