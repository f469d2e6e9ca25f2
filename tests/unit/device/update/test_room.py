"""Counting littlefs blocks: what a release needs, and whether it will ever fit or not just now."""

import pytest

from device.errors import Refused, StorageFull
from device.update import plan


@pytest.mark.parametrize(
    ("size", "blocks"), ((0, 0), (128, 0), (129, 1), (4088, 1), (4089, 2), (70000, 18))
)
def test_a_small_file_lives_in_its_folder_and_others_take_whole_blocks(size, blocks):
    assert plan.blocks(size) == blocks


def test_every_folder_counts_once():
    assert plan.folders(["app/a/b/c", "app/a/d", "lib/x"]) == {
        "",
        "app",
        "app/a",
        "app/a/b",
        "lib",
    }


def test_a_release_needs_its_files_its_folders_and_its_manifest():
    assert plan.need([["app/x", 5000, ""], ["app/y", 100, ""]], 300) == 2 + 0 + 1 + 2 * 2


@pytest.mark.parametrize(
    ("free", "here", "fixed", "error"),
    (
        (46, 0, 100, None),
        (10, 36, 100, None),  # what the slot holds now is given back
        (10, 35, 100, StorageFull),
        (46, 0, 195, Refused),
    ),
)
def test_room_that_others_took_may_come_back_but_a_small_flash_stays_small(
    free, here, fixed, error
):
    def check():
        plan.check_room(42, free, here, 240, fixed)

    if error is None:
        assert check() is None
    else:
        with pytest.raises(error):
            check()


@pytest.mark.parametrize(("free", "clamped"), ((0, 0), (17, 17), (240, 240), (4294967290, 0)))
def test_a_full_flash_is_not_taken_for_a_huge_one(free, clamped):
    assert plan.free_blocks((4096, 4096, 240, free, free)) == clamped
