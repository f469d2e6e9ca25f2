"""`make bench-dev`: seconds from a save to the first new line, by `mpfleet dev --virtual`.

The command runs as a person starts it, with the example blink; each save changes one file.
"""

import argparse
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_BLINK = Path(__file__).parents[2] / "examples/blink"
_BUDGET_S = 3.0


def main():
    """Print the median; exit status 1 where it is over the budget."""
    parser = argparse.ArgumentParser(prog="make bench-dev ARGS=…", description=__doc__)
    parser.add_argument("--saves", type=int, default=20, help="how many (default: 20)")
    parser.add_argument("--port", help="a board that was set up, instead of a virtual one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(shutil.copytree(_BLINK, Path(place) / "blink"))
        start, took = _measure(folder, options.port, options.saves)
    took.sort()
    median = statistics.median(took)
    print(f"start to the first line  {start:5.2f} s")
    print(f"save to the new line     {median:5.2f} s, median of {len(took)} (at most {_BUDGET_S})")
    print(f"  fastest, slowest       {took[0]:5.2f} s, {took[-1]:.2f} s")
    return int(median > _BUDGET_S)


def _measure(folder, port, saves):
    where = ["--port", port] if port else ["--virtual"]
    command = [sys.executable, "-m", "host.cli", "dev", *where, str(folder)]
    start = time.monotonic()
    author = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        _wait_for(author, "blinking")
        started = time.monotonic() - start
        return started, [_save(author, folder / "app/main.py", n) for n in range(saves)]
    finally:
        author.send_signal(signal.SIGINT)
        author.communicate()


def _save(author, file, n):
    text = file.read_text().replace(f"blinking {n - 1} " if n else "blinking ", f"blinking {n} ")
    start = time.monotonic()
    file.write_text(text)
    _wait_for(author, f"blinking {n} ")
    return time.monotonic() - start


def _wait_for(author, text):
    for line in author.stdout:
        if text in line:
            return
    raise SystemExit(f"mpfleet dev ended before it showed {text!r}")


if __name__ == "__main__":
    sys.exit(main())
