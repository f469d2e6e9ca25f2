"""MicroPython libraries that a firmware may lack: from lib/, or from MicroPython's package index.

`python -m host.deploy.libs FOLDER` fetches them (`make libs`).
"""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path

from host.builder import release, runtime
from host.deploy.errors import DeployError

INDEX = "https://micropython.org/pi/v2"
_WAIT_S = 20
_BYTES_MAX = 1 << 16
# Of aioble the half that advertises and serves: a board has no use for the rest, and no flash.
_PACKAGES = {
    "umqtt": ("umqtt.simple",),
    "aioble": ("aioble-peripheral", "aioble-server", "aioble-security"),
}
_OURS = runtime.ROOT / "lib"


def wanted(offers: Iterable[str], has_aioble: bool) -> list[str]:
    """The folders of /lib that a board needs beside what its firmware offers. Pure."""
    modules = ["umqtt.simple"] + ["aioble"] * has_aioble
    return [module.partition(".")[0] for module in modules if module not in offers]


def files(names: Iterable[str] = ("umqtt",), folder: Path | None = None) -> dict[str, bytes]:
    """What goes into a board's /lib: compiled, by path there.

    From a folder that was given, or else from lib/, which is filled from the index.

    Raises:
        DeployError: `no-library`.
    """
    place = folder or _OURS
    sources: dict[str, Path] = {}
    for name in names:
        found = sorted((place / name).glob("*.*py"))
        if not found and folder:
            advice = "make libs fetches it into lib/ where the Internet is"
            raise DeployError("no-library", f"{folder} has no folder {name}/", advice)
        if not found:
            fetch(place, [name])
            found = sorted((place / name).glob("*.*py"))
        sources.update({p.relative_to(place).as_posix(): p for p in found})
    return {f"/lib/{path}": content for path, content in release.compiled(sources.items()).items()}


def fetch(folder: Path, names: Iterable[str] = tuple(_PACKAGES)) -> list[Path]:
    """Fetch libraries as source into a folder, by the index's own format."""
    written = []
    for package in [package for name in names for package in _PACKAGES[name]]:
        listed = _json(f"{INDEX}/package/py/{package}/latest.json")
        for path, digest in listed["hashes"]:
            place = folder / _inside(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(_checked(_get(f"{INDEX}/file/{digest[:2]}/{digest}"), digest, path))
            written.append(place)
    return written


def _inside(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/"):
        raise DeployError("no-library", f"the index names a path outside of lib/: {path}")
    return path


def _checked(content: bytes, digest: str, path: str) -> bytes:
    if not digest or not release.digest(content).startswith(digest):
        raise DeployError("no-library", f"{path} from the index has another hash")
    return content


def _json(url: str) -> dict:
    return json.loads(_get(url))


def _get(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=_WAIT_S) as answer:  # noqa: S310 - https, above
            return answer.read(_BYTES_MAX)
    except (urllib.error.URLError, OSError) as error:
        raise DeployError(
            "no-library",
            f"a library is neither in the firmware nor in lib/, and {url} is out of reach "
            f"({getattr(error, 'reason', error)})",
            "run make libs where the Internet is, or name a folder with --libs",
        ) from error


def main() -> None:
    """Fetch into the folder given."""
    try:
        for place in fetch(Path(sys.argv[1] if len(sys.argv) > 1 else "lib")):
            print(place)  # noqa: T201
    except DeployError as error:
        sys.exit(f"make libs: {error}")


if __name__ == "__main__":
    main()
