"""Whether the bootloader undoes is found out by deploy, on boards that cannot say so."""

import pytest

from simulator import build_image, otadata
from tests.boards import PROMPT
from tests.system.test_deploy import Shelf, set_up

KNOWN = "rollback"


def known(board):
    found = board.nvs.get("mpfleet", KNOWN)
    return found and int.from_bytes(found[1], "little")


@pytest.mark.parametrize(("has_rollback", "noted"), ((True, 1), (False, 2)))
def test_it_is_tried_with_a_copy_of_what_runs(board_maker, has_rollback, noted):
    said = []
    image = build_image(payload=b"code" * 40_000)
    board = board_maker(has_rollback=has_rollback, firmware=image)
    board.power_on()
    board.wait_for(PROMPT)
    set_up(board, Shelf(), said.append)
    assert (known(board), board.firmware.running) == (noted, "ota_0")
    words = "goes back from" if has_rollback else "does not go back"
    assert any(words in event.text for event in said)
    # What runs is confirmed: the next reset changes nothing.
    entries = otadata.read(board.flash, 0xD000)
    assert otadata.VALID in [entry.state for entry in entries if entry]


def test_it_is_not_tried_twice(board_maker):
    board = board_maker()
    board.power_on()
    board.wait_for(PROMPT)
    at = board.mark
    set_up(board, Shelf())
    board.wait_for("run: golden", 20, at)
    resets = len(board.resets)
    at = board.mark
    set_up(board, Shelf())
    board.wait_for("run: golden", 20, at)
    assert board.resets[resets:].count(2) == 1  # the one that starts the runtime
