"""What the bootloader decides, row by row; the rows are ESP-IDF's with rollback enabled."""

import pytest

from simulator.bootloader import Choice, choose, confirm, select
from simulator.otadata import ABORTED, INVALID, NEW, PENDING_VERIFY, UNDEFINED, VALID, Entry

E = Entry
BOTH, FIRST, SECOND, NONE = (True, True), (True, False), (False, True), (False, False)

ROWS = {
    #                              records                                whole   slot  records
    # then
    "blank": ((None, None), BOTH, 0, (E(1, VALID), None)),
    "blank, only ota_1 whole": ((None, None), SECOND, 1, (E(2, VALID), None)),
    "confirmed": ((E(1, VALID), None), BOTH, 0, (E(1, VALID), None)),
    "the higher sequence counts": (
        (E(1, VALID), E(2, VALID)),
        BOTH,
        1,
        (E(1, VALID), E(2, VALID)),
    ),
    "in either place": ((E(3, VALID), E(2, VALID)), BOTH, 0, (E(3, VALID), E(2, VALID))),
    "new gets one start": ((E(1, VALID), E(2, NEW)), BOTH, 1, (E(1, VALID), E(2, PENDING_VERIFY))),
    "unconfirmed goes back": (
        (E(1, VALID), E(2, PENDING_VERIFY)),
        BOTH,
        0,
        (E(1, VALID), E(2, ABORTED)),
    ),
    "aborted does not count": (
        (E(1, VALID), E(2, ABORTED)),
        BOTH,
        0,
        (E(1, VALID), E(2, ABORTED)),
    ),
    "invalid does not count": (
        (E(1, VALID), E(2, INVALID)),
        BOTH,
        0,
        (E(1, VALID), E(2, INVALID)),
    ),
    "both aborted: ota_0": (
        (E(1, ABORTED), E(2, ABORTED)),
        BOTH,
        0,
        (E(1, ABORTED), E(2, ABORTED)),
    ),
    "both aborted, ota_0 broken": (
        (E(1, ABORTED), E(2, ABORTED)),
        SECOND,
        1,
        (E(1, ABORTED), E(2, ABORTED)),
    ),
    "without rollback": (
        (E(1, UNDEFINED), E(2, UNDEFINED)),
        BOTH,
        1,
        (E(1, UNDEFINED), E(2, UNDEFINED)),
    ),
    "torn second record": ((E(1, VALID), None), BOTH, 0, (E(1, VALID), None)),
    "broken image: the other": (
        (E(1, VALID), E(2, NEW)),
        FIRST,
        0,
        (E(1, VALID), E(2, PENDING_VERIFY)),
    ),
    "nothing whole": ((E(1, VALID), None), NONE, None, (E(1, VALID), None)),
    "blank and nothing whole": ((None, None), NONE, None, (None, None)),
}


@pytest.mark.parametrize(("entries", "whole", "slot", "then"), ROWS.values(), ids=ROWS)
def test_the_bootloader_starts(entries, whole, slot, then):
    assert choose(entries, whole) == Choice(slot, then)


def test_garbage_for_both_records_is_left_as_it_is():
    assert choose((None, None), SECOND, is_blank=False) == Choice(1, (None, None))


@pytest.mark.parametrize(("sequence", "slot"), ((0, 1), (1, 0), (0xFFFFFFFE, 1)))
def test_any_sequence_with_its_crc_means_a_slot(sequence, slot):
    assert choose((E(sequence, VALID), None), BOTH).slot == slot


SELECTIONS = {
    "from nothing": ((None, None), 1, (0, E(2, NEW))),
    "the other slot": ((E(1, VALID), None), 1, (1, E(2, NEW))),
    "and back": ((E(1, VALID), E(2, VALID)), 0, (0, E(3, NEW))),
    "the same slot": ((E(1, VALID), None), 0, (1, E(1, NEW))),
    "over an aborted one": ((E(1, VALID), E(2, ABORTED)), 1, (1, E(2, NEW))),
    "both aborted": ((E(1, ABORTED), E(2, ABORTED)), 1, (0, E(2, NEW))),
}


@pytest.mark.parametrize(("entries", "slot", "written"), SELECTIONS.values(), ids=SELECTIONS)
def test_set_boot_writes(entries, slot, written):
    assert select(entries, slot, 2) == written


CONFIRMATIONS = {
    "pending": ((E(1, VALID), E(2, PENDING_VERIFY)), (1, E(2, VALID))),
    "undefined": ((E(1, UNDEFINED), None), (0, E(1, VALID))),
    "confirmed already": ((E(1, VALID), None), None),
}


@pytest.mark.parametrize(("entries", "written"), CONFIRMATIONS.values(), ids=CONFIRMATIONS)
def test_mark_valid_writes(entries, written):
    assert confirm(entries) == written


def test_mark_valid_fails_when_both_are_aborted():
    with pytest.raises(LookupError):
        confirm((E(1, ABORTED), E(2, ABORTED)))
