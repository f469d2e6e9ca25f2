"""Boards that deploy makes whole again: a file system that does not mount, a lost secret."""

import pytest

from host.deploy import DeployError
from tests.system.test_deploy import Shelf, look, set_up

SECRET = "\nimport esp32\nb = bytearray(32)\nesp32.NVS('mpfleet').get_blob('secret', b)\n"
SECRET += "print(json.dumps(b.hex()))"


@pytest.fixture
def broken(virtual_board):
    """A board whose file system does not mount, and the secret it had."""
    set_up(virtual_board, Shelf())
    secret = look(virtual_board, SECRET)
    virtual_board.power_off()
    virtual_board.corrupt_file_system()
    at = virtual_board.mark
    virtual_board.power_on()
    virtual_board.wait_for("appears to be corrupted", since=at)
    return virtual_board, secret


def test_a_file_system_that_does_not_mount_is_made_anew_and_the_secret_stays(broken):
    board, secret = broken
    asked = []
    outcome = set_up(board, Shelf(), ask=lambda what: asked.append(what) or True)
    assert ["loses all files" in what for what in asked] == [True]
    assert (outcome.unchanged, look(board, SECRET)) == (0, secret)


def test_nothing_is_formatted_unless_a_person_agrees(broken):
    board, _ = broken
    erased = board.flash.operations
    with pytest.raises(DeployError, match="--yes") as caught:
        set_up(board, Shelf())
    assert (caught.value.code, board.flash.operations) == ("not-agreed", erased)


def test_a_new_identity_is_another_secret_and_a_token_for_this_device(virtual_board):
    shelf = Shelf()
    device = set_up(virtual_board, shelf).device
    shelf.devices[device] = {"state": "claimed"}
    before = look(virtual_board, SECRET)
    set_up(virtual_board, shelf, new_identity=True)
    assert look(virtual_board, SECRET) != before
    assert shelf.renewed == [device]


def test_a_board_that_lost_its_secret_gets_another_only_if_a_person_agrees(virtual_board):
    shelf = Shelf()
    device = "".join(f"{byte:02x}" for byte in virtual_board.unique_id)
    shelf.devices[device] = {"state": "claimed"}
    with pytest.raises(DeployError, match="lost the secret"):
        set_up(virtual_board, shelf)
    assert shelf.renewed == []
