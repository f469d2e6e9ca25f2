"""What a change of the partition table loses, as a table."""

import pytest

from host.deploy import layout
from host.deploy.layout import Layout, parse
from simulator.partitions import LAYOUT, encode
from tests.firmware_files import SINGLE

OTA, ONE_APP, BLANK = parse(encode(LAYOUT)), parse(encode(SINGLE)), Layout()
FILES, IDENTITY = "all its files", "its identity and secret"
CASES = {  # before, after, what lay behind a smaller NVS, lost
    "the same": (OTA, OTA, b"", []),
    "blank": (BLANK, OTA, b"", []),
    "re-laid": (ONE_APP, OTA, b"\xff" * 0x2000, [FILES]),
    "re-laid, NVS full": (ONE_APP, OTA, b"\xff" * 0x1FFF + b"\0", [FILES, IDENTITY]),
    "tail unknown": (ONE_APP, OTA, b"", [FILES, IDENTITY]),
}


@pytest.mark.parametrize(("old", "new", "tail", "lost"), CASES.values(), ids=CASES)
def test_what_is_lost_is_said(old, new, tail, lost):
    assert layout.lost(old, new, tail) == lost


def test_a_table_without_a_file_system_has_one_at_the_end_of_the_flash():
    found = layout.with_files(parse(encode(LAYOUT[:-1])), 1 << 22)
    assert list(found) == list(OTA)
    assert layout.with_files(OTA, 1 << 23) == OTA
    assert layout.with_files(BLANK, 1 << 22) == BLANK


def test_a_table_is_read_to_its_end():
    assert [tuple(p) for p in OTA] == [tuple(p) for p in LAYOUT]


@pytest.mark.parametrize("raw", (b"", b"\xff" * 0xC00, b"\0" * 0xC00))
def test_where_there_is_no_table_there_are_no_partitions(raw):
    assert layout.describe(parse(raw)) == "no partition table"
