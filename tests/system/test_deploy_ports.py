"""The same deploy over each kind of port, and over one that goes away."""

import pytest

from host.deploy import DeployError
from simulator import VirtualBoard
from tests.boards import PROMPT
from tests.system.test_deploy import Shelf, a_release, ignore, interrupt_at, set_up

KINDS = ("socket_url", "rfc2217_url")  # the pty is everywhere else


@pytest.fixture
def shelf(tmp_path):
    """A host with release 1 of blink."""
    return Shelf([a_release(tmp_path / "blink")])


@pytest.mark.parametrize("kind", KINDS)
def test_from_nothing_and_again_and_unplugged_half_way_and_again(virtual_board, shelf, kind):
    port = getattr(virtual_board, kind)
    with pytest.raises(KeyboardInterrupt):
        set_up(virtual_board, shelf, interrupt_at(0.5), port=port)
    virtual_board.power_off()
    virtual_board.power_on()
    outcome = set_up(virtual_board, shelf, port=port)
    assert (outcome.number, outcome.unchanged > 5, outcome.copied > 5) == (1, True, True)
    again = set_up(virtual_board, shelf, port=port)
    assert (again.copied, again.removed) == (0, 0)
    assert virtual_board.wait_for("active slot a release 1") > 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_port_that_goes_away_half_way_is_said(tmp_path, shelf, kind):
    board = VirtualBoard(tmp_path / "board")
    board.power_on()
    board.wait_for(PROMPT)
    port = getattr(board, kind)

    def pull(event):
        if event.step == "runtime" and event.done > event.total / 2:
            board.close()

    with pytest.raises(DeployError, match="check the cable") as caught:
        set_up(board, shelf, pull, port=port)
    assert caught.value.code == "port-lost"


def test_a_board_that_cannot_be_reset_takes_no_firmware(virtual_board, tmp_path):
    file = tmp_path / "firmware.bin"
    file.write_bytes(b"")
    with pytest.raises(DeployError, match=r"rfc2217://") as caught:
        set_up(virtual_board, Shelf(), ignore, firmware=file)
    assert caught.value.code == "no-reset"
