"""What a manifest asks for, whether it is for this board and fits (SPEC section 5). Pure."""

import json

from device.errors import Refused, StorageFull
from device.protocol import (
    MANIFEST_DEPTH_MAX,
    MANIFEST_FORMAT,
    PART_FOLDERS,
    PATH_CHARS_MAX,
)

_SCAN_BYTES = 256
_ENTRY_DEPTH = 5  # of a file among the parts: {"parts": {"app": {"files": [[…
_PLACE_BITS = 15  # of where an entry lies in 32 kB, and of its length: together a small integer
_QUOTE = 0x22
_DEEPER = {0x5B: 1, 0x7B: 1, 0x5D: -1, 0x7D: -1}  # brackets and braces
_OUTSIDE, _INSIDE, _ESCAPED = range(3)  # of a string
_INSIDE_NEXT = {_QUOTE: _OUTSIDE, 0x5C: _ESCAPED}
_PATH_CHARS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/"
_HEX = "0123456789abcdef"
_ELF_DIGITS = 32
_NUMBER_MAX = 0x7FFFFFFF

_BLOCK_BYTES = 4096 - 8  # of a littlefs block, its pointers aside
_INLINE_BYTES = 128  # a file this small lives in its directory
_FOLDER_BLOCKS = 2
_SPARE_BLOCKS = 4  # littlefs copies before it writes, and /state needs room to change

_FIELDS = (
    # name, type
    ("format", int),
    ("product", str),
    ("number", int),
    ("version", str),
    ("boards", list),
    ("abi", int),
    ("firmwares", list),
    ("parts", dict),
)


def parse(stream):
    """The manifest in a seekable stream of bytes, of its files only the places: see `files()`.

    So it takes a kilobyte or two of heap, however many they are. Raises Refused where it is none.
    """
    stream.seek(0)
    try:
        manifest = json.loads(_outline(stream))
    except (ValueError, RuntimeError) as e:
        raise Refused("manifest-invalid", "not JSON", str(e))
    _check_fields(manifest)
    _check_files(files(stream, manifest))
    return manifest


def files(stream, manifest):
    """Yield what the manifest in this stream says of each file: path, size, hash."""
    for place in manifest["parts"]["app"]["files"]:
        try:
            if not 0 <= place >> _PLACE_BITS < 1 << _PLACE_BITS:
                raise ValueError  # a number of the manifest's own, that no file's place is
            stream.seek(place >> _PLACE_BITS)
            entry = json.loads(stream.read(place & ((1 << _PLACE_BITS) - 1)))
        except (TypeError, ValueError, RuntimeError):
            raise Refused("manifest-invalid", "file", place)
        yield entry


def judge(manifest, me):
    """Raise Refused unless the manifest is for this board.

    `me`: product, model, abi, number (highest committed), assigned (what the host said), firmware
    (32 hex digits or None).
    """
    if manifest["number"] != me["assigned"]:
        raise Refused("manifest-invalid", "number", manifest["number"], me["assigned"])
    if manifest["product"] != me["product"]:
        raise Refused("wrong-product", manifest["product"], me["product"])
    if me["model"] not in manifest["boards"]:
        raise Refused("wrong-board", me["model"])
    if manifest["abi"] != me["abi"]:
        advice = "the golden copy could not run on it: deploy this board over USB"
        raise Refused("wrong-abi", manifest["abi"], me["abi"], advice)
    if manifest["number"] <= me["number"]:
        raise Refused("old-number", manifest["number"], me["number"])
    brought = image(manifest, me["model"])
    firmware = brought["elf"] if brought else me["firmware"]
    if manifest["firmwares"] and firmware not in manifest["firmwares"]:
        raise Refused("wrong-firmware", firmware)


def image(manifest, model):
    """The firmware image it brings for this model: size, sha256, elf; or None."""
    return manifest["parts"].get("firmware", {}).get(model)


def blocks(size):
    """littlefs blocks of a file."""
    return 0 if size <= _INLINE_BYTES else -(-size // _BLOCK_BYTES)


def folders(paths):
    """Every folder that these paths lie in, "" for the slot itself."""
    found = {""}
    for path in paths:
        end = path.rfind("/")
        while end > 0:
            found.add(path[:end])
            end = path.rfind("/", 0, end)
    return found


def used(sizes, folder_count):
    """littlefs blocks of a folder that holds files of these sizes and so many folders."""
    return sum([blocks(size) for size in sizes]) + _FOLDER_BLOCKS * (folder_count + 1)


def need(listed, manifest_bytes):
    """littlefs blocks of a whole slot with these files in it, (path, size, hash) each."""
    sizes = [f[1] for f in listed] + [manifest_bytes]
    return used(sizes, len(folders(f[0] for f in listed)) - 1)


def check_room(needed, free, here, total, fixed):
    """Raise unless `needed` blocks fit: `free` are, `here` come back, `fixed` of `total` stay.

    Raises:
        Refused: the release is too large for this flash, whatever else is deleted.
        StorageFull: it would fit, were it not for what the application keeps there.
    """
    needed += _SPARE_BLOCKS
    if needed > total - fixed:
        raise Refused("no-space", needed, total - fixed)
    if needed > free + here:
        raise StorageFull("storage-full", needed, free + here)


def free_blocks(statvfs):
    """Free blocks of what os.statvfs says; it wraps below nothing on a full flash."""
    return statvfs[3] if statvfs[3] <= statvfs[2] else 0


def _outline(stream):
    """Its text, but for each value as deep as a file's entry a number: where in it that lies.

    Raises:
        Refused: brackets outside of strings nest too deep: the parser recurses, and ends badly.
    """
    text, chunk = bytearray(), bytearray(_SCAN_BYTES)
    depth, where, at, begin = 0, _OUTSIDE, 0, 0
    n = stream.readinto(chunk)
    while n:
        for i in range(n):
            was = depth
            depth, where = _scan(chunk[i], depth, where)
            if depth > MANIFEST_DEPTH_MAX:
                raise Refused("manifest-invalid", "nested too deep", MANIFEST_DEPTH_MAX)
            if max(was, depth) < _ENTRY_DEPTH:
                text.append(chunk[i])
            elif was < _ENTRY_DEPTH:
                begin = at + i
            elif depth < _ENTRY_DEPTH:
                text.extend(str(begin << _PLACE_BITS | at + i + 1 - begin).encode())
        at += n
        n = stream.readinto(chunk)
    return text


def _scan(byte, depth, where):
    if where == _ESCAPED:
        return depth, _INSIDE
    if where == _INSIDE:
        return depth, _INSIDE_NEXT.get(byte, _INSIDE)
    return depth + _DEEPER.get(byte, 0), _INSIDE if byte == _QUOTE else _OUTSIDE


def _check_fields(manifest):
    if not isinstance(manifest, dict):
        raise Refused("manifest-invalid", "not an object")
    for name, kind in _FIELDS:
        if type(manifest.get(name)) is not kind:  # True is no number
            raise Refused("manifest-invalid", name)
    if manifest["format"] != MANIFEST_FORMAT:
        raise Refused("manifest-invalid", "format", manifest["format"], MANIFEST_FORMAT)
    if not 0 < manifest["number"] <= _NUMBER_MAX:
        raise Refused("manifest-invalid", "number", manifest["number"])
    app = manifest["parts"].get("app")
    if not isinstance(app, dict) or not isinstance(app.get("files"), list) or not app["files"]:
        raise Refused("manifest-invalid", "parts")
    images = manifest["parts"].get("firmware", {})
    if not isinstance(images, dict) or not all(map(_is_image, images.values())):
        raise Refused("manifest-invalid", "firmware")


def _check_files(listed):
    names = set()
    for entry in listed:
        if not isinstance(entry, list) or len(entry) < 3:
            raise Refused("manifest-invalid", "file", entry)
        path, size, digest = entry[:3]
        if not is_path(path):
            raise Refused("bad-path", path)
        if path in names:
            raise Refused("duplicate-path", path)
        if not _is_size(size) or not is_digest(digest):
            raise Refused("manifest-invalid", path, size, digest)
        names.add(path)
    for folder in folders(names):
        if folder in names:
            raise Refused("bad-path", folder, "is a file and a folder")


def is_path(path):
    """Whether a file of a release may lie here: below one of the folders, of plain characters."""
    if not isinstance(path, str) or not 0 < len(path) <= PATH_CHARS_MAX:
        return False
    if not all(c in _PATH_CHARS for c in path):
        return False
    if any(part in ("", ".", "..") for part in path.split("/")):
        return False
    return path.startswith(PART_FOLDERS)


def is_digest(text, length=64):
    """Whether this is a SHA-256 as the manifest writes them, or the first digits of one."""
    return isinstance(text, str) and len(text) == length and all(c in _HEX for c in text)


def _is_image(one):
    return (
        isinstance(one, dict)
        and _is_size(one.get("size"))
        and one["size"] > 0
        and is_digest(one.get("sha256"))
        and is_digest(one.get("elf"), _ELF_DIGITS)
    )


def _is_size(size):
    return type(size) is int and 0 <= size <= _NUMBER_MAX
