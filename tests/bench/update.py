"""What travels for an update, and how long staging and sealing take against their floors."""

import argparse
import io
import json
import struct
import subprocess
import tempfile
import zlib
from pathlib import Path

import bsdiff4
from bsdiff4.format import read_patch

from host import patches
from host.storage import in_pieces
from simulator import micropython
from tests.bench import images, staging

_ROOT = Path(__file__).parents[2]
_LIMIT = 1.2  # of a patch, against bsdiff's three streams, each deflated whole
_SPEEDS = {"floor": "floor", "from_patch": "patch", "from_pieces": "full in pieces"}


def main():
    """Print the table; status 1 where a patch is longer than it may be."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--images", nargs=2, type=Path, help="another source and target")
    given = options.parse_args().images
    pairs = {"given": tuple(p.read_bytes() for p in given)} if given else _pairs()
    for name, (source, target) in pairs.items():
        _report(name, source, target)
    print("\nstaging over sockets, medians of rounds in turn, and the app `thermostat`")
    staging.report(*next(iter(pairs.values())))


def _pairs():
    old, new = images.real(_ROOT / "build" / "bench")
    return {
        "two builds of one version (MicroPython 1.16 for ESP32, grown at 11 places, relinked)": (
            new,
            images.rebuilt(new),
        ),
        "two versions (MicroPython 1.15 and 1.16 for ESP32)": (old, new),
    }


def _report(name, source, target):
    patch, pieces = patches.make(source, target), in_pieces(target)
    reference = _bsdiff_deflated(source, target)
    [count] = struct.unpack_from("<I", patch, 8)
    verdict = "hit" if len(patch) <= _LIMIT * reference else "missed"
    print(f"\n{name}")
    for label, value in (
        ("full", len(target)),
        ("deflated", _deflated(target)),
        ("full in pieces", len(pieces)),
        ("bsdiff+deflate", reference),
        ("patch", len(patch)),
        ("longest piece", max(struct.unpack_from(f"<{count}I", patch, 48))),
    ):
        print(f"  {label:<16}{value:>12,} bytes")
    ratio = len(patch) / reference
    print(f"  patch / (bsdiff+deflate) {ratio:>7.3f}, at most {_LIMIT}: {verdict}")
    found = _timed(source, target, pieces, patch)
    for key, label in _SPEEDS.items():
        took, ratio = found[key]["ms"], found[key]["ms"] / found["floor"]["ms"]
        heap = found[key]["heap"]
        print(f"  {label:<16}{took:>9.1f} ms {ratio:>6.2f} of the floor, heap {heap:,} bytes")
    if len(patch) > _LIMIT * reference or not found["from_patch"]["right"]:
        raise SystemExit(f"{name}: the patch is too long, or makes other bytes")


def _bsdiff_deflated(source, target):
    _, *streams = read_patch(io.BytesIO(bsdiff4.diff(source, target)))
    return sum(_deflated(stream) for stream in streams)


def _deflated(content):
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    return len(deflate.compress(content) + deflate.flush())


def _timed(source, target, pieces, patch):
    parts = {"source": source, "target": target, "target.pieces": pieces, "patch": patch}
    with tempfile.TemporaryDirectory() as folder:
        for name, content in parts.items():
            (Path(folder) / name).write_bytes(content)
        command = (micropython(), Path(__file__).with_name("apply.py"), folder, _ROOT)
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
