"""Blocks that files take in littlefs; the cases were counted on a real file system."""

import pytest

from host.builder import sizes

CASES = [  # bytes, blocks
    (0, 0),
    (128, 0),
    (129, 1),
    (4096, 1),
    (4097, 2),
    (4096 + 4092, 2),
    (4096 + 4092 + 1, 3),
    (4096 + 4092 + 4088, 3),
    (4096 + 4092 + 4088 + 1, 4),
]


@pytest.mark.parametrize(("size", "blocks"), CASES)
def test_a_file_takes_these_blocks(size, blocks):
    assert sizes.file_blocks(size) == blocks


def test_a_folder_takes_two_blocks_and_so_does_the_one_around_all():
    cost = sizes.cost({"app/main.mpy": 500, "device/update/client.mpy": 4000})
    assert cost == sizes.Cost(files=2, bytes=4500, blocks=2 + 4 * 2)
