"""What files cost on a board: bytes, and littlefs blocks of 4 KiB."""

from collections.abc import Mapping
from dataclasses import dataclass

_BLOCK = 4096
_INLINE = 128  # a file this small lives in its directory
_DIRECTORY_BLOCKS = 2  # a metadata pair
BYTES_BUDGET = 96_000  # of a release, runtime included (DESIGN section 10)
BLOCKS_BUDGET = 48


def file_blocks(size: int) -> int:
    """Blocks of one file: block n begins with one pointer for each power of two dividing n."""
    if size <= _INLINE:
        return 0
    blocks, room = 0, 0
    while room < size:
        pointers = (blocks & -blocks).bit_length()
        room += _BLOCK - 4 * pointers
        blocks += 1
    return blocks


def folders(paths: Mapping[str, int]) -> set[str]:
    """Every folder that files at these relative paths need, the one they all lie in as ""."""
    found = {""}
    for path in paths:
        parts = path.split("/")[:-1]
        found.update("/".join(parts[: n + 1]) for n in range(len(parts)))
    return found


@dataclass(frozen=True)
class Cost:
    """What a set of files takes."""

    files: int
    bytes: int
    blocks: int


def cost(sizes: Mapping[str, int]) -> Cost:
    """The cost of files given as path → bytes, their folders included."""
    blocks = sum(map(file_blocks, sizes.values())) + _DIRECTORY_BLOCKS * len(folders(sizes))
    return Cost(len(sizes), sum(sizes.values()), blocks)
