"""MicroPython libraries that a firmware may lack: from lib/, or from MicroPython's package index.

`python -m host.deploy.libs FOLDER` fetches them (`make libs`).
"""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

from host.builder import release, runtime
from host.deploy.errors import DeployError

INDEX = "https://micropython.org/pi/v2"
_WAIT_S = 20
_BYTES_MAX = 1 << 16
_LIBRARIES = ("umqtt.simple",)


def files(folder: Path = runtime.ROOT / "lib") -> dict[str, bytes]:
    """What goes into a board's /lib: compiled, by path there.

    Raises:
        DeployError: `no-library`.
    """
    if not (folder / "umqtt/simple.py").is_file() and not (folder / "umqtt/simple.mpy").is_file():
        fetch(folder)
    sources = {p.relative_to(folder).as_posix(): p for p in sorted(folder.glob("umqtt/*.*py"))}
    return {f"/lib/{path}": content for path, content in release.compiled(sources.items()).items()}


def fetch(folder: Path) -> list[Path]:
    """Fetch the libraries as source into a folder, by the index's own format."""
    written = []
    for library in _LIBRARIES:
        package = _json(f"{INDEX}/package/py/{library}/latest.json")
        for path, digest in package["hashes"]:
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
            f"umqtt.simple is neither in the firmware nor in lib/, and {url} is out of reach "
            f"({getattr(error, 'reason', error)})",
            "run make libs where the Internet is, or flash a stock firmware",
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
