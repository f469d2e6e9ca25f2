"""The flash obeys the rules of NOR flash, and loses power where it is told to."""

import pytest

from simulator.flash import SECTOR, SIZE, Flash, FlashError, PowerCut


@pytest.fixture
def flash(tmp_path):
    flash = Flash(tmp_path / "flash.bin")
    yield flash
    flash.close()


def test_a_new_flash_is_erased(flash):
    assert flash.read(SIZE - 4, 4) == b"\xff" * 4


def test_programming_clears_bits(flash):
    flash.program(10, b"\x0f")
    flash.program(10, b"\x05")
    assert flash.read(10, 1) == b"\x05"


def test_programming_cannot_set_a_bit(flash):
    flash.program(10, b"\x00")
    with pytest.raises(FlashError, match="without erasing"):
        flash.program(8, b"\xff\xff\x01")


def test_a_refused_operation_changes_nothing(flash):
    flash.program(10, b"\x0f")
    with pytest.raises(FlashError):
        flash.program(9, b"\x00\xf0")
    assert (flash.read(9, 2), flash.operations) == (b"\xff\x0f", 1)


def test_erasing_sets_every_bit_of_the_sector_and_no_other(flash):
    flash.program(SECTOR - 1, b"\x00\x00")
    flash.erase(SECTOR)
    assert flash.read(SECTOR - 1, 2) == b"\x00\xff"


def test_only_whole_sectors_can_be_erased(flash):
    with pytest.raises(FlashError, match="start of a sector"):
        flash.erase(SECTOR + 1)


@pytest.mark.parametrize(("offset", "size"), ((-1, 1), (SIZE - 1, 2), (SIZE, 1)))
def test_there_is_nothing_outside_the_chip(flash, offset, size):
    with pytest.raises(FlashError, match="not on this chip"):
        flash.program(offset, b"\x00" * size)


def test_operations_are_counted_but_not_reads(flash):
    flash.erase(0)
    flash.program(0, b"abc")
    flash.read(0, 3)
    assert flash.operations == 2


def test_contents_survive_in_the_file(tmp_path):
    first = Flash(tmp_path / "flash.bin")
    first.program(5, b"kept")
    first.close()
    second = Flash(tmp_path / "flash.bin")
    assert second.read(5, 4) == b"kept"
    second.close()


@pytest.mark.parametrize(
    ("when", "left"),
    (("before", b"\xff\xff\xff\xff"), ("middle", b"ab\xff\xff"), ("after", b"abcd")),
)
def test_a_cut_tears_the_operation_it_comes_at(flash, when, left):
    flash.erase(0)
    flash.cut_power_at(2, when)
    flash.erase(SECTOR)
    with pytest.raises(PowerCut):
        flash.program(0, b"abcd")
    assert flash.read(0, 4) == left


def test_a_cut_erase_leaves_half_a_sector(flash):
    flash.program(0, b"\x00" * SECTOR)
    flash.cut_power_at(1, "middle")
    with pytest.raises(PowerCut):
        flash.erase(0)
    assert flash.read(0, SECTOR) == b"\xff" * (SECTOR // 2) + b"\x00" * (SECTOR // 2)


def test_a_cut_comes_once(flash):
    flash.cut_power_at(1)
    with pytest.raises(PowerCut):
        flash.erase(0)
    flash.erase(0)
    assert flash.operations == 2


@pytest.mark.parametrize(("n", "when"), ((0, "before"), (1, "later")))
def test_a_cut_that_cannot_be_is_refused(flash, n, when):
    with pytest.raises(ValueError, match="cut at"):
        flash.cut_power_at(n, when)
