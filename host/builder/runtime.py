"""Where the project's own files for a board are: boot.py, main.py and the runtime device/."""

from pathlib import Path

from host.builder.errors import BuildError

ROOT = Path(__file__).resolve().parents[2]

# What only the golden copy has, so no release carries it: what deploy runs, and provisioning.
_GOLDEN_ONLY = ("device/setup.py", "device/provisioning/")


def sources(root: Path = ROOT) -> dict[str, Path]:
    """Every source file of the runtime by its path on the board, such as `device/run.py`."""
    found = {p.relative_to(root).as_posix(): p for p in sorted((root / "device").rglob("*.py"))}
    if not found:
        raise _missing(root / "device")
    return found


def release_sources(root: Path = ROOT) -> dict[str, Path]:
    """The part of the runtime that travels in every release."""
    found = sources(root).items()
    return {name: path for name, path in found if not name.startswith(_GOLDEN_ONLY)}


def starters(root: Path = ROOT) -> dict[str, bytes]:
    """main.py and boot.py as they go onto a board, in the order they are written."""
    try:
        return {name: (root / name).read_bytes() for name in ("main.py", "boot.py")}
    except FileNotFoundError as error:
        raise _missing(Path(error.filename)) from error


def _missing(path: Path) -> BuildError:
    return BuildError(
        "runtime-missing",
        str(path),
        "the board's runtime is not there; run mpfleet from a checkout of the project "
        "(pip install -e .)",
    )
