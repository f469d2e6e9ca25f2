"""Boards with other flashes than a stock board with two firmware slots."""

import pytest

from simulator import build_image, partitions
from simulator.partitions import SINGLE_APP, SINGLE_APP_2MB, Partition
from tests.boards import PROMPT, BoardError, execute

VFS = "from esp32 import Partition; print(Partition.find(1, label='vfs')[0].info()[2:4])"
MEBIBYTE = 1 << 20


def start(board):
    at = board.mark
    board.power_on()
    board.wait_for(PROMPT, since=at)


@pytest.fixture
def single_app_board(board_maker):
    """A board with one firmware slot, at its prompt."""
    board = board_maker(layout=SINGLE_APP)
    start(board)
    return board


@pytest.mark.parametrize(
    ("layout", "megabytes", "start_of_vfs"),
    ((SINGLE_APP, 4, 0x200000), (SINGLE_APP_2MB, 2, 0x170000), (SINGLE_APP, 8, 0x200000)),
)
def test_what_is_left_at_the_end_is_the_file_system(board_maker, layout, megabytes, start_of_vfs):
    size = megabytes * MEBIBYTE
    board = board_maker(layout=layout, flash_bytes=size)
    start(board)
    assert execute(board, VFS) == f"({start_of_vfs}, {size - start_of_vfs})\n"


def test_a_single_app_board_runs_its_factory_firmware(single_app_board):
    assert single_app_board.firmware.running == "factory"


@pytest.mark.parametrize(
    "call",
    (
        "Partition(Partition.RUNNING).set_boot()",
        "Partition.mark_app_valid_cancel_rollback()",
        "Partition(Partition.RUNNING).get_next_update()",
    ),
)
def test_a_single_app_board_has_nothing_to_update(single_app_board, call):
    with pytest.raises(BoardError, match="OSError"):
        execute(single_app_board, f"from esp32 import Partition\n{call}")


def test_a_table_that_was_flashed_counts_from_the_next_start(single_app_board):
    board = single_app_board
    board.power_off()
    board.flash.erase(partitions.TABLE_OFFSET)
    board.flash.program(partitions.TABLE_OFFSET, partitions.encode(partitions.LAYOUT))
    board.flash.erase(0x310000)
    start(board)
    assert board.firmware.running == "ota_0"
    assert execute(board, VFS) == f"({0x310000}, {0xF0000})\n"


def test_values_are_kept_where_the_new_table_says(single_app_board):
    board = single_app_board
    board.power_off()
    board.flash.erase(partitions.TABLE_OFFSET)
    board.flash.erase(0x210000)  # where the file system begins then
    nvs = Partition("nvs", partitions.DATA, 2, 0x200000, 0x10000)
    table = partitions.encode((nvs, *SINGLE_APP[1:]))
    board.flash.program(partitions.TABLE_OFFSET, table)
    start(board)
    execute(board, "import esp32; n = esp32.NVS('a'); n.set_i32('b', 7); n.commit()")
    assert b"NVS" in board.flash.read(0x200000, 0x10000)


@pytest.mark.parametrize(
    ("offset", "complaint"),
    (
        (0x1000, "invalid header: 0xffffffff"),
        (partitions.TABLE_OFFSET, "Failed to verify partition table"),
        (0x10000, "No bootable app"),
    ),
    ids=("bootloader", "table", "firmware"),
)
def test_what_is_missing_is_what_the_rom_or_the_bootloader_says(board_maker, offset, complaint):
    board = board_maker(layout=SINGLE_APP)
    board.flash.erase(offset)
    board.power_on()
    board.wait_for(complaint)
    assert not board.is_on


def test_a_table_for_a_larger_flash_is_not_believed(board_maker):
    board = board_maker(layout=SINGLE_APP_2MB, flash_bytes=2 * MEBIBYTE)
    board.flash.erase(partitions.TABLE_OFFSET)
    board.flash.program(partitions.TABLE_OFFSET, partitions.encode(partitions.LAYOUT))
    board.power_on()
    board.wait_for("Failed to verify partition table")


def test_a_blank_flash_is_left_blank(board_maker):
    board = board_maker(layout=None, flash_bytes=2 * MEBIBYTE)
    assert board.flash.read(0, 2 * MEBIBYTE) == b"\xff" * 2 * MEBIBYTE


def test_boot_held_at_power_on_is_download_mode(board_maker):
    board = board_maker(firmware=build_image())
    board.pins.apply(0, 0)
    board.power_on()
    board.wait_for("waiting for download")
    assert (board.is_on, board.is_downloading) == (False, True)


def test_a_reset_by_software_does_not_look_at_boot(virtual_board):
    at = virtual_board.mark
    virtual_board.pins.apply(0, 0)
    virtual_board.reset()
    virtual_board.wait_for(PROMPT, since=at)
    assert not virtual_board.is_downloading
