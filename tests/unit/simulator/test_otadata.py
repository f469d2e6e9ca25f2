"""otadata's records are ESP-IDF's."""

import pytest

from simulator import otadata
from simulator.flash import Flash


def test_a_record_is_what_esp_idf_writes():
    # As read from a board after its first update: sequence 1, valid. The CRC is the sequence's.
    raw = otadata.encode(otadata.Entry(1, otadata.VALID))
    assert raw.hex() == "01000000" + "ff" * 20 + "02000000" + "9a984347"


@pytest.mark.parametrize("state", (0, 1, 2, 3, 4, 0xFFFFFFFF))
def test_a_record_is_read_back(state):
    entry = otadata.Entry(7, state)
    assert otadata.decode(otadata.encode(entry)) == entry


@pytest.mark.parametrize(
    "raw",
    (b"\xff" * 32, b"\x00" * 32, otadata.encode(otadata.Entry(3, 2))[:16] + b"\xff" * 16),
    ids=["erased", "zero", "torn"],
)
def test_what_is_no_record_counts_as_none(raw):
    assert otadata.decode(raw) is None


@pytest.mark.parametrize(
    ("raw", "is_blank"),
    (
        (b"\xff" * 32, True),
        (b"\0" * 32, False),
        (otadata.encode(otadata.Entry(3, otadata.VALID))[:28] + b"\0" * 4, False),
        (otadata.encode(otadata.Entry(3, otadata.ABORTED))[:28] + b"\0" * 4, True),
    ),
    ids=["erased", "zero", "wrong CRC", "wrong CRC, given up"],
)
def test_garbage_with_a_sequence_is_not_blank(raw, is_blank):
    assert otadata.is_blank(raw) is is_blank


def test_both_records_are_found_in_their_sectors(tmp_path):
    flash = Flash(tmp_path / "flash.bin")
    otadata.write(flash, 0xD000, 1, otadata.Entry(2, otadata.NEW))
    assert otadata.read(flash, 0xD000) == [None, otadata.Entry(2, otadata.NEW)]
    flash.close()
