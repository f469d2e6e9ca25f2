"""With garbage where otadata should be, or partitions that overlap, a virtual board starts what an
ESP32 would.
"""

import random
import struct

import pytest

from simulator import build_image, otadata
from simulator.partitions import LAYOUT, find
from tests.boards import PROMPT, execute

RUNNING = "from esp32 import Partition; print(Partition(Partition.RUNNING).info()[4])"
OTADATA = find(LAYOUT, "otadata").offset
RANDOM = random.Random(1)
RECORD = struct.Struct("<I20sII")
GOOD = RECORD.unpack(otadata.encode(otadata.Entry(2, otadata.VALID)))
BAD_CRC = RECORD.pack(2, b"", otadata.VALID, 1)
NO_SEQUENCE = RECORD.pack(0xFFFFFFFF, *GOOD[1:])
# records → the slot that starts where both hold a whole image
ROWS = {
    "random": (RANDOM.randbytes(4096), RANDOM.randbytes(4096), "ota_0"),
    "wrong CRCs": (BAD_CRC, BAD_CRC, "ota_0"),
    "one wrong CRC": (BAD_CRC, RECORD.pack(*GOOD), "ota_1"),
    "no sequence": (NO_SEQUENCE, NO_SEQUENCE, "ota_0"),
    "garbage for a label": (RECORD.pack(2, b"\0garbage", *GOOD[2:]), b"", "ota_1"),
    "a state that there is not": (RECORD.pack(2, GOOD[1], 77, GOOD[3]), b"", "ota_1"),
    "the highest sequence": (otadata.encode(otadata.Entry(0xFFFFFFFE, 2)), b"", "ota_1"),
}


def restart(board):
    at = board.mark
    board.power_on()
    board.wait_for(PROMPT, since=at)


@pytest.mark.parametrize(("first", "second", "slot"), ROWS.values(), ids=ROWS)
def test_a_garbage_otadata_starts_what_the_bootloader_would(virtual_board, first, second, slot):
    virtual_board.power_off()
    flash = virtual_board.flash
    flash.program(find(LAYOUT, "ota_1").offset, build_image(version="v1.27.0"))
    for n, record in enumerate((first, second)):
        flash.erase(OTADATA + n * 4096)
        flash.program(OTADATA + n * 4096, record)
    restart(virtual_board)
    assert execute(virtual_board, RUNNING) == f"{slot}\n"


@pytest.mark.parametrize("record", (BAD_CRC, NO_SEQUENCE), ids=("garbage", "blank"))
def test_only_a_blank_otadata_is_filled_in(virtual_board, record):
    virtual_board.power_off()
    for n in (0, 1):
        virtual_board.flash.erase(OTADATA + n * 4096)
        virtual_board.flash.program(OTADATA + n * 4096, record)
    restart(virtual_board)
    is_filled = otadata.read(virtual_board.flash, OTADATA)[0] == otadata.Entry(1, otadata.VALID)
    assert is_filled is (record == NO_SEQUENCE)


def test_a_table_whose_partitions_overlap_starts_too(board_maker):
    second = find(LAYOUT, "ota_1")
    layout = [p._replace(offset=0x20000) if p == second else p for p in LAYOUT]
    board = board_maker(layout=layout)
    restart(board)
    assert execute(board, RUNNING) == "ota_0\n"
