"""Files onto a board: only those that differ, each whole or not at all, checked afterwards."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from host.deploy import agent
from host.deploy.board import Board
from host.deploy.errors import DeployError

_BATCH = 16  # files hashed per round trip: under a second of a board's time
_CODE_MAX = 2600  # characters of code in one piece


@dataclass
class Copier:
    """Copies onto one board, and remembers which bytes lie there already."""

    board: Board
    copied: int = 0
    unchanged: int = 0
    removed: int = 0
    _places: dict[str, str] = field(default_factory=dict)  # hash → a path that holds it

    def copy(self, files: Mapping[str, bytes], progress: Callable[[int, int], None]) -> None:
        """Bring these files, in their order, onto the board where it does not hold them.

        Raises:
            DeployError: `storage-full`, `copy-damaged`, or what `Board.run` raises.
        """
        wanted = {path: sha256(content).hexdigest() for path, content in files.items()}
        there = self.hashes(list(files))
        changed = [path for path in files if there[path] != wanted[path]]
        self._places.update({wanted[p]: p for p in files if p not in changed})
        self.unchanged += len(files) - len(changed)
        self._write({path: files[path] for path in changed}, wanted, progress)
        self._check(changed, wanted)
        self.copied += len(changed)

    def keep_only(self, folders: Sequence[str], wanted: Iterable[str]) -> None:
        """Remove every other file below these folders, and folders left empty."""
        kept = set(wanted)
        kept.update(path[: n + 1] for path in list(kept) for n, c in enumerate(path) if c == "/")
        paths = json.loads(self.board.run(agent.tree(folders)))
        stale = [path for path in paths if path not in kept]
        for batch in _batches(stale):
            self.board.run(agent.remove(batch))
        self.removed += len(stale)

    def hashes(self, paths: Sequence[str]) -> dict[str, str | None]:
        """SHA-256 of files on the board in hex, None where there is none."""
        found: dict[str, str | None] = {}
        for batch in _batches(paths):
            found.update(zip(batch, json.loads(self.board.run(agent.hashes(batch))), strict=True))
        return found

    def learn(self, paths: Sequence[str]) -> None:
        """See what lies there: files of the same bytes are copied on the board, not sent."""
        self._places.update({h: p for p, h in self.hashes(paths).items() if h})

    def holds(self, digest: str) -> bool:
        """Whether some file on the board is known to have this hash."""
        return digest in self._places

    def _write(
        self,
        files: Mapping[str, bytes],
        wanted: Mapping[str, str],
        progress: Callable[[int, int], None],
    ) -> None:
        done, total = 0, sum(map(len, files.values()))
        progress(done, total)
        for code, size in _joined(self._pieces(files, wanted)):
            self.board.run(code)
            done += size
            progress(done, total)

    def _pieces(
        self, files: Mapping[str, bytes], wanted: Mapping[str, str]
    ) -> Iterable[tuple[str, int]]:
        for path, content in files.items():
            source = self._places.get(wanted[path])
            if source:
                yield agent.copy(source, path), len(content)
            else:
                yield from agent.write(path, content)
            self._places[wanted[path]] = path

    def _check(self, paths: Sequence[str], wanted: Mapping[str, str]) -> None:
        for path, digest in self.hashes(paths).items():
            if digest != wanted[path]:
                raise DeployError(
                    "copy-damaged",
                    f"{path} reads back otherwise than it was written",
                    "the board's flash or the cable may be faulty; deploy again",
                )


def _batches(paths: Sequence[str]) -> Iterable[list[str]]:
    return (list(paths[n : n + _BATCH]) for n in range(0, len(paths), _BATCH))


def _joined(pieces: Iterable[tuple[str, int]]) -> Iterable[tuple[str, int]]:
    """Small pieces of code together, so that a small file costs no round trip of its own."""
    codes: list[str] = []
    sizes = 0
    for code, size in pieces:
        if codes and sum(map(len, codes)) + len(code) > _CODE_MAX:
            yield "\n".join(codes), sizes
            codes, sizes = [], 0
        codes.append(code)
        sizes += size
    if codes:
        yield "\n".join(codes), sizes
