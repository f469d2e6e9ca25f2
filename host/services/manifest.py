"""What a manifest may say (SPEC section 5). Pure: bytes in, a Manifest or a word out."""

import hashlib
import json
import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from device import protocol
from host.errors import HostError
from host.metadata.changes import RESERVED

_PATH = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+")
_SIM = re.compile(r"sim/[a-z0-9_]{1,32}\.py")
NUMBER_MAX = 2**31 - 1  # of a release, and of whatever a column of integers takes

# In these patterns (Rust) `$` is the very end, unlike in Python.
_ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f]*$"
_TEXT = r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$"  # NUL is not storable, ESC steers terminals
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Product = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Number = Annotated[int, Field(ge=1, le=NUMBER_MAX)]
BoardModel = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Firmware = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Size = Annotated[int, Field(ge=0, le=NUMBER_MAX)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


_Row = Annotated[list, Field(min_length=3, max_length=3)]


class _App(_Strict):
    files: Annotated[list[_Row], Field(min_length=1)]


class _Image(_Strict):
    size: Annotated[int, Field(ge=1, le=NUMBER_MAX)]
    sha256: Sha256
    elf: Firmware


class _Parts(_Strict):
    app: _App
    firmware: Annotated[dict[BoardModel, _Image], Field(min_length=1)] | None = None


class Manifest(_Strict):
    """A manifest whose fields are right. `files` are (path, size, sha256), sorted by path."""

    format: Literal[1]
    product: Product
    number: Number
    version: Annotated[str, Field(max_length=32, pattern=_ONE_LINE)]
    description: Annotated[str, Field(max_length=1000, pattern=_TEXT)] = ""
    created_at: Annotated[int, Field(ge=0)]
    boards: Annotated[list[BoardModel], Field(min_length=1, max_length=32)]
    abi: Annotated[int, Field(ge=0, le=255)]
    firmwares: Annotated[list[Firmware], Field(max_length=64)] = []
    parts: _Parts
    sim: Annotated[list[_Row], Field(max_length=32)] = []  # for virtual boards only

    @property
    def files(self):
        """The files of the app part."""
        return [tuple(file) for file in self.parts.app.files]

    @property
    def images(self):
        """The firmware part, as (board model, size, sha256); empty where there is none."""
        return [(m, one.size, one.sha256) for m, one in (self.parts.firmware or {}).items()]


    @property
    def simulation(self):
        """What stands in for hardware on virtual boards, as (path, size, sha256)."""
        return [tuple(file) for file in self.sim]


class _File(_Strict):
    size: Size
    sha256: Sha256


def parse(content):
    """Read a manifest's bytes.

    Raises: HostError `manifest-too-large`, `manifest-invalid`, `bad-path`, `duplicate-path`.
    """
    if len(content) > protocol.MANIFEST_BYTES_MAX:
        most = protocol.MANIFEST_BYTES_MAX
        raise HostError("manifest-too-large", f"The manifest has {len(content)} bytes of {most}.")
    value = _json(content)
    if _depth(value) > protocol.MANIFEST_DEPTH_MAX:
        raise _invalid("it is nested too deep")
    try:
        manifest = Manifest.model_validate(value)
    except ValidationError as error:
        raise _invalid(_first(error)) from error
    if manifest.product in RESERVED:
        raise _invalid(f"no product may be called {manifest.product}")
    _check_files(manifest.files)
    strays = {model for model, _, _ in manifest.images} - set(manifest.boards)
    if strays:
        raise _invalid(f"it has firmware for {min(strays)}, but is not for that board")
    _check_sim(manifest.simulation)
    _check_sizes(manifest.files + manifest.images + manifest.simulation)
    return manifest


def sha256(content):
    """The name of a manifest."""
    return hashlib.sha256(content).hexdigest()


def _json(content):
    try:
        return json.loads(content.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:  # not UTF-8 is a ValueError, too
        raise _invalid(f"it is not JSON: {error}") from error


def _unique(pairs):
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key stands there twice")  # readers would differ in which they take
    return dict(pairs)


def _no_constant(name):
    raise ValueError(f"{name} is no JSON")


def _depth(value):
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(_depth, inner), default=0) if isinstance(value, dict | list) else 0


def _check_files(files):
    for path, size, name in files:
        _check_path(path)
        _check_file(path, size, name)
    paths = [path for path, _, _ in files]
    if len(set(paths)) < len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise HostError("duplicate-path", f"{twice} is listed twice.")
    if paths != sorted(paths):
        raise _invalid("files are not sorted by path")
    _check_folders(set(paths))


def _check_sim(files):
    for path, size, name in files:
        if not isinstance(path, str) or not _SIM.fullmatch(path):
            raise HostError("bad-path", f"{path!r} is no module in sim/.")
        _check_file(path, size, name)
    if len({path for path, _, _ in files}) < len(files):
        raise HostError("duplicate-path", "A module in sim/ is listed twice.")


def _check_file(path, size, name):
    try:
        _File.model_validate({"size": size, "sha256": name})
    except ValidationError as error:
        raise _invalid(f"{path}: {_first(error)}") from error


def _check_path(path):
    parts = path.split("/") if isinstance(path, str) else []
    is_good = (
        isinstance(path, str)
        and len(path) <= protocol.PATH_CHARS_MAX
        and path.startswith(protocol.PART_FOLDERS)
        and _PATH.fullmatch(path)
        and not {".", ".."} & set(parts)
    )
    if not is_good:
        raise HostError("bad-path", f"{path!r} is no path inside app/, device/ or lib/.")


def _check_folders(paths):
    for path in paths:
        parts = path.split("/")
        for end in range(1, len(parts)):
            if "/".join(parts[:end]) in paths:
                raise HostError("bad-path", f"{path} lies in a folder that is listed as a file.")


def _check_sizes(files):
    sizes = {}
    for path, size, name in files:
        if sizes.setdefault(name, size) != size:
            raise _invalid(f"{path}: the same SHA-256 with another size")


def _invalid(why):
    return HostError("manifest-invalid", f"The manifest is not valid: {why}.")


def _first(error):
    found = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
