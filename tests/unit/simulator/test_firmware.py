"""Firmware slots: what esp32.Partition does to them, and which one starts."""

import pytest

from simulator import build_image
from tests.boards import PROMPT, BoardError, execute

RUNNING = "from esp32 import Partition; print(Partition(Partition.RUNNING).info()[4])"
NEW = build_image(version="v1.27.0", payload=b"new" * 500)
INSTALL = f"""
from esp32 import Partition
slot = Partition(Partition.RUNNING).get_next_update()
image = {NEW!r}
for n in range(0, len(image), 4096):
    slot.writeblocks(n // 4096, image[n:n + 4096] + b'\\xff' * max(0, n + 4096 - len(image)))
slot.set_boot()
"""
CONFIRM = "from esp32 import Partition; Partition.mark_app_valid_cancel_rollback()"


def reset(board):
    at = board.mark
    board.reset()
    board.wait_for(PROMPT, since=at)


def test_a_fresh_board_runs_ota_0(virtual_board):
    assert execute(virtual_board, RUNNING) == "ota_0\n"


def test_set_boot_starts_the_other_slot(virtual_board):
    execute(virtual_board, INSTALL)
    reset(virtual_board)
    assert execute(virtual_board, RUNNING) == "ota_1\n"


def test_an_unconfirmed_firmware_goes_back_at_the_next_reset(virtual_board):
    execute(virtual_board, INSTALL)
    reset(virtual_board)
    reset(virtual_board)
    assert execute(virtual_board, RUNNING) == "ota_0\n"


def test_a_confirmed_firmware_stays(virtual_board):
    execute(virtual_board, INSTALL)
    reset(virtual_board)
    execute(virtual_board, CONFIRM)
    reset(virtual_board)
    assert execute(virtual_board, RUNNING) == "ota_1\n"


def test_a_soft_reset_does_not_count_as_a_start(virtual_board):
    execute(virtual_board, INSTALL)
    reset(virtual_board)
    at = virtual_board.mark
    virtual_board.type("\x04")
    virtual_board.wait_for(PROMPT, since=at)
    assert execute(virtual_board, RUNNING) == "ota_1\n"


def test_confirming_twice_costs_nothing(virtual_board):
    before = virtual_board.flash.operations
    execute(virtual_board, CONFIRM)
    assert virtual_board.flash.operations == before


def test_a_slot_without_an_image_cannot_be_set(virtual_board):
    with pytest.raises(BoardError, match=r"-5379, 'ESP_ERR_OTA_VALIDATE_FAILED'"):
        execute(virtual_board, "from esp32 import Partition; Partition('ota_1').set_boot()")
    assert virtual_board.firmware.boot_label() == "ota_0"


def test_the_identity_of_a_firmware_is_read_from_its_slot(virtual_board):
    found = execute(
        virtual_board,
        "from esp32 import Partition\nb = bytearray(32)\n"
        "Partition(Partition.RUNNING).readblocks(0, b, 176)\nprint(b.hex())",
    )
    assert found.strip() == virtual_board.firmware.image_of("ota_0").elf_sha256.hex()


def test_partitions_are_found_by_type_and_label(virtual_board):
    found = execute(
        virtual_board,
        "from esp32 import Partition as P\nprint([p.info()[4] for p in P.find(P.TYPE_APP)],"
        "P.find(P.TYPE_DATA, label='vfs')[0].info())",
    )
    assert found == "['ota_0', 'ota_1'] (1, 129, 3211264, 983040, 'vfs', False)\n"


def test_a_partition_that_is_not_there_is_an_oserror(virtual_board):
    with pytest.raises(BoardError, match="ENOENT"):
        execute(virtual_board, "from esp32 import Partition; Partition('nothing')")


def test_blocks_smaller_than_a_sector_keep_what_is_beside_them(virtual_board):
    found = execute(
        virtual_board,
        "from esp32 import Partition\np = Partition('ota_1', 512)\n"
        "p.writeblocks(0, b'a' * 512)\np.writeblocks(2, b'b' * 512)\n"
        "b = bytearray(1536)\np.readblocks(0, b)\nprint(b[0:2], b[600:602], b[1100:1102])",
    )
    assert found == "bytearray(b'aa') bytearray(b'\\xff\\xff') bytearray(b'bb')\n"
