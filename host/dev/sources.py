"""An app folder as a board gets it, and back: from a place on the board to one in the editor."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from host.builder import application, release
from host.builder.errors import BuildError

_FRAME = re.compile(r'^(\s*)File "([^"]+)", line (\d+)(.*)$')
_PLACE = re.compile(r"^([^:]+)(:\d+)?$")


@dataclass(frozen=True)
class Sources:
    """What one reading of a folder found."""

    files: dict[str, bytes] = field(repr=False)  # by path on the board, as it lies there
    _texts: dict[str, tuple[str, list[str]]] = field(repr=False)  # shown path, lines of the source

    def trace(self, line: str) -> list[str]:
        """A line of the board's console; of a traceback the place in the editor, and its code."""
        found = _FRAME.match(line)
        if not found or found[2] not in self._texts:
            return [line]
        indent, path, number, where = found.groups()
        shown, lines = self._texts[path]
        frame = f"{indent}{shown}:{number}{where}"
        code = lines[int(number) - 1].strip() if int(number) <= len(lines) else ""
        return [frame, f"{indent}  {code}"] if code else [frame]


def read(folder: Path) -> Sources:
    """Read and compile an app folder.

    Raises:
        BuildError: what is wrong, with the file as its author calls it.
    """
    found = application.read(folder).files
    try:
        files = release.compiled(found.items())
    except BuildError as error:
        raise BuildError(error.code, _in_editor(error.place, folder), error.detail) from error
    texts = {
        path: (shown(place), place.read_text(errors="replace").splitlines())
        for path, place in found.items()
        if path.endswith(".py")
    }
    return Sources(files, texts)


def shown(place: Path) -> str:
    """A path as people write it: from where they are, if it lies below."""
    near = os.path.relpath(place)
    return str(place) if near.startswith("..") else near


def _in_editor(place: str, folder: Path) -> str:
    path, line = _PLACE.match(place).groups("")
    return shown(folder / path) + line
