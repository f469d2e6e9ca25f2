"""An app folder as its author keeps it: mpfleet.json, app/, perhaps lib/ and sim/."""

import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device import protocol
from host.builder.bytecode import compiled_name
from host.builder.errors import BuildError

DESCRIPTION = "mpfleet.json"
_FOLDERS = ("app", "lib")
_IGNORED = re.compile(r"^(\..*|__pycache__|.*\.pyc|.*~)$")  # editors' and CPython's droppings
_PATH = re.compile(r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$")
_SIM = re.compile(r"^sim/[a-z0-9_]{1,32}\.py$")
_PRODUCT = re.compile(r"^[a-z][a-z0-9-]{0,31}$")


@dataclass(frozen=True)
class Application:
    """What an app folder says of itself, and its files by their path on the board."""

    product: str
    version: str
    description: str
    boards: tuple[str, ...]
    settings: dict[str, Any]
    files: dict[str, Path]
    sim: dict[str, Path]  # stand-ins for its hardware on virtual boards; no board gets them


def read(folder: Path) -> Application:
    """Read an app folder.

    Raises:
        BuildError: what is missing or wrong there, with the file.
    """
    fields = read_description(folder)
    return Application(
        fields["product"],
        fields["version"],
        fields["description"],
        tuple(fields["boards"]),
        fields["settings"],
        _files(folder),
        _sim(folder),
    )


def _is_text(limit: int) -> Callable[[Any], bool]:
    return lambda v: isinstance(v, str) and len(v) <= limit and all(map(_is_plain, v))


def _is_plain(letter: str) -> bool:
    # Boards decode characters beyond the basic plane wrongly when something escapes them; the
    # host refuses those that steer a terminal.
    return ord(letter) < 0x10000 and (letter in "\n\t" or unicodedata.category(letter) != "Cc")


def _is_version(value: Any) -> bool:
    return _is_text(32)(value) and value.splitlines() in ([], [value]) and "\t" not in value


def _is_boards(value: Any) -> bool:
    named = isinstance(value, list) and all(isinstance(b, str) and b for b in value)
    return named and 0 < len(value) <= 32


_FIELDS: tuple[tuple[str, Any, Callable[[Any], bool], str], ...] = (
    # field, default (None: required), check, what it must be
    (
        "product",
        None,
        lambda v: isinstance(v, str) and bool(_PRODUCT.match(v)),
        "a name of small letters, digits and '-', at most 32, a letter first",
    ),
    ("version", "", _is_version, "a line of at most 32 characters"),
    ("description", "", _is_text(1000), "a text of at most 1000 characters"),
    ("boards", None, _is_boards, 'a list of board models, such as ["ESP32_GENERIC"]'),
    ("settings", {}, lambda v: isinstance(v, dict), "an object of the app's own settings"),
)


def read_description(folder: Path) -> dict[str, Any]:
    """The checked fields of a folder's mpfleet.json."""
    place = folder / DESCRIPTION
    try:
        value = json.loads(place.read_bytes())
    except FileNotFoundError as error:
        raise BuildError(
            "bad-description", str(place), "no such file; an app folder needs one"
        ) from error
    except ValueError as error:
        raise BuildError("bad-description", str(place), f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise BuildError("bad-description", str(place), "must be a JSON object")
    for name, default, is_right, must in _FIELDS:
        value.setdefault(name, default)
        if not is_right(value[name]):
            raise BuildError("bad-description", str(place), f'"{name}" must be {must}')
    return value


def _files(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(_walk(folder)):
        name = path.relative_to(folder).as_posix()
        check_path(compiled_name(name))
        found[name] = path
    if not {"app/main.py", "app/main.mpy"} & found.keys():
        raise BuildError(
            "no-main", str(folder / "app/main.py"), "missing; it holds `async def main(board)`"
        )
    return found


def _sim(folder: Path) -> dict[str, Path]:
    found = {f"sim/{path.name}": path for path in sorted((folder / "sim").glob("*.py"))}
    for name in found:
        if not _SIM.match(name):
            raise BuildError("bad-path", name, "a module's name has small letters, digits and _")
    return found


def _walk(folder: Path) -> list[Path]:
    found = []
    for top in _FOLDERS:
        for path in (folder / top).rglob("*"):
            parts = path.relative_to(folder).parts
            if path.is_file() and not any(_IGNORED.match(part) for part in parts):
                found.append(path)
    return found


def check_path(path: str) -> None:
    """Refuse a path that a board would refuse (SPEC section 5)."""
    parts = path.split("/")
    if len(path) > protocol.PATH_CHARS_MAX:
        detail = f"longer than {protocol.PATH_CHARS_MAX} characters"
    elif not _PATH.match(path) or "." in parts or ".." in parts:
        detail = "a file name may only have letters, digits, '.', '_' and '-'"
    elif not path.startswith(protocol.PART_FOLDERS):
        detail = "must lie in app/, device/ or lib/"
    else:
        return
    raise BuildError("bad-path", path, detail)
