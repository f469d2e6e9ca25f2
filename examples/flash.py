"""What lies in the flash file of a virtual board that is switched off."""

from pathlib import Path

from littlefs import LittleFS, UserContext

from host.builder.sizes import cost

_START, _BLOCK, _COUNT = 0x310000, 4096, 240  # the vfs partition (DESIGN section 3)
_PLACES = {"golden": "/device", "slot a": "/slots/a", "slot b": "/slots/b", "state": "/state"}


def blocks(image):
    """Littlefs blocks used by each part of the board, and those left to the app, by name."""
    content = bytearray(Path(image).read_bytes()[_START : _START + _BLOCK * _COUNT])
    files = LittleFS(context=UserContext(buffer=content), block_size=_BLOCK, block_count=_COUNT)
    used = {name: cost(_sizes(files, place)).blocks for name, place in _PLACES.items()}
    return {**used, "free": _COUNT - files.used_block_count}


def _sizes(files, place):
    """Size of each file below a folder, by its path in there."""
    found = {}
    for folder, _, names in files.walk(place):
        for name in names:
            path = f"{folder}/{name}"
            found[path.removeprefix(f"{place}/")] = files.stat(path).size
    return found
