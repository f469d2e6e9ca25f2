"""The partition table is the ESP32's own format."""

import hashlib

import pytest

from simulator import partitions


def test_a_table_is_read_back_as_it_was_written():
    assert partitions.decode(partitions.encode(partitions.LAYOUT)) == partitions.LAYOUT


def test_an_entry_is_what_esp_idf_defines():
    entry = partitions.encode([partitions.Partition("ota_0", 0, 0x10, 0x10000, 0x180000)])[:32]
    assert entry.hex() == "aa5000100000010000001800" + b"ota_0".ljust(16, b"\0").hex() + "00000000"


def test_the_md5_follows_the_last_entry():
    table = partitions.encode(partitions.LAYOUT)
    at = 32 * len(partitions.LAYOUT)
    assert (
        table[at : at + 32]
        == b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(table[:at], usedforsecurity=False).digest()
    )


def test_a_table_with_a_wrong_md5_is_refused():
    table = bytearray(partitions.encode(partitions.LAYOUT))
    table[4] ^= 1
    with pytest.raises(ValueError, match="MD5"):
        partitions.decode(bytes(table))


def test_garbage_is_refused():
    with pytest.raises(ValueError, match="no partition table entry"):
        partitions.decode(b"\x00" * 0xC00)


@pytest.mark.parametrize(
    ("label", "offset", "size"),
    (
        ("nvs", 0x9000, 0x4000),
        ("otadata", 0xD000, 0x2000),
        ("ota_0", 0x10000, 0x180000),
        ("ota_1", 0x190000, 0x180000),
        ("vfs", 0x310000, 0xF0000),
    ),
)
def test_the_layout_is_that_of_the_stock_ota_board(label, offset, size):
    assert partitions.find(partitions.LAYOUT, label)[3:] == (offset, size)


def test_firmware_slots_come_in_the_order_of_otadata():
    slots = partitions.firmware_slots(reversed(partitions.LAYOUT))
    assert [slot.label for slot in slots] == ["ota_0", "ota_1"]


def test_an_otadata_without_slots_to_choose_from_leaves_the_factory_firmware():
    layout = (partitions.LAYOUT[1], partitions.SINGLE_APP[2])
    assert partitions.firmware_slots(layout) == [partitions.SINGLE_APP[2]]
