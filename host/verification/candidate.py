"""A release as checks see it: its manifest, its bytes, and the releases that are in the field."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from host.manifest import Manifest

_MANIFEST, _BLOBS = "manifest.json", "blobs"


@dataclass(frozen=True)
class Release(Manifest):
    """A manifest, and what reads the bytes of a SHA-256."""

    read: Callable[[str], bytes]

    @property
    def runtime(self) -> frozenset[tuple[str, str]]:
        """Path and SHA-256 of each file of its runtime: the same ones are the same runtime."""
        return frozenset((p, name) for p, _, name in self.files if p.startswith("device/"))


@dataclass(frozen=True)
class Case:
    """A candidate, and the releases that boards run now, oldest first."""

    candidate: Release
    field: Sequence[Release] = field(default=())
    cuts: int = 0  # how many power cuts to try

    @property
    def before(self) -> Release | None:
        """The newest release in the field: what heap and boot time are compared with."""
        return max(self.field, key=lambda one: one.number, default=None)


def write(case: Case, folder: Path) -> None:
    """Lay a case down in a folder that is to be seen by what tries it, and nothing else."""
    (folder / _BLOBS).mkdir(parents=True)
    for one in (case.candidate, *case.field):
        for name in one.digests:
            place = folder / _BLOBS / name
            if not place.exists():
                place.write_bytes(one.read(name))
    manifests = [one.manifest.decode() for one in case.field]
    value = {"candidate": case.candidate.manifest.decode(), "field": manifests, "cuts": case.cuts}
    (folder / _MANIFEST).write_text(json.dumps(value))


def read(folder: Path) -> Case:
    """The case that lies in a folder."""
    value = json.loads((folder / _MANIFEST).read_text())

    def blob(name: str) -> bytes:
        return (folder / _BLOBS / name).read_bytes()

    made = [Release(text.encode(), blob) for text in (value["candidate"], *value["field"])]
    return Case(made[0], tuple(made[1:]), value["cuts"])
