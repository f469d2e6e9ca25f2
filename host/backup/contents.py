"""What of a data folder goes into a backup, and in which order it is read."""

import contextlib
import fnmatch
import os
from typing import NamedTuple

DATABASE = "mpfleet.sqlite"
BLOBS = "blobs"
# Never: copied another way, made anew, or of the moment.
_LEFT_OUT = (
    f"{DATABASE}*",  # SQLite copies it itself
    "*.lock",
    "*.new",  # half written
    f"{BLOBS}/*.patch",  # the engine makes them anew
    "boards/*",  # virtual ones, of `make run`
    ".backup-*",  # ours
)
KEYS = ("keys/*", "pki/*.key", "pki/server.pem", "secret_key")
# Of the metadata: each vouches for what comes behind it, which was written before it. So it is
# listed and read before that, and all it speaks of is there.
_METADATA = "metadata"
_TURNS = ("timestamp.json", "*.snapshot.json", "*.root.json", "*.targets.json", "*")


class Entry(NamedTuple):
    """A file of a backup: its content, or the path where that is."""

    name: str
    mode: int
    size: int
    path: object
    content: bytes | None = None


def signed(folder, with_keys):
    """Metadata and keys, read now: they must be of one moment."""
    found = []
    for turn in _TURNS:
        names = [name for name in _names(folder, _METADATA) if _turn(name) == turn]
        found += [_read(folder, name) for name in names]
    found += [_read(folder, name) for name in _names(folder, "keys") if with_keys]
    return [entry for entry in found if entry]


def others(folder, with_keys):
    """All that is not of `signed`, without contents; blobs last, for they are many."""
    tops = [name for name in os.listdir(folder) if name not in (_METADATA, "keys", BLOBS)]
    for top in [*sorted(tops), BLOBS]:
        for name in _names(folder, top):
            if with_keys or not is_key(name):
                with contextlib.suppress(FileNotFoundError):
                    status = (folder / name).stat()
                    yield Entry(name, status.st_mode & 0o777, status.st_size, folder / name)


def is_key(name):
    """Whether a file is one of those that `--without-keys` leaves out."""
    return any(fnmatch.fnmatch(name, pattern) for pattern in KEYS)


def _turn(name):
    inside = name.removeprefix(f"{_METADATA}/")
    return next(turn for turn in _TURNS if fnmatch.fnmatch(inside, turn))


def _names(folder, top):
    """Files at or below one name of the folder; a link at the top is followed, deeper ones not."""
    place = folder / top
    if place.is_dir():
        found = (
            os.path.relpath(os.path.join(where, name), folder)
            for where, _, names in os.walk(place, onerror=_fail)
            for name in names
        )
    else:
        found = [top] if place.is_file() else []
    return sorted(n for n in found if not any(fnmatch.fnmatch(n, p) for p in _LEFT_OUT))


def _fail(error):
    raise error  # a folder that cannot be read must not be missing in silence


def _read(folder, name):
    path = folder / name
    with contextlib.suppress(FileNotFoundError):  # an old snapshot, just removed
        content = path.read_bytes()
        return Entry(name, path.stat().st_mode & 0o777, len(content), path, content)
    return None
