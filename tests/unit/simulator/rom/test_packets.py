"""Requests to the ROM and its answers, as bytes."""

import struct

import pytest

from simulator.rom import packets
from simulator.rom.packets import Request, RomError


def test_a_request_has_a_command_a_checksum_and_a_body():
    assert packets.parse(bytes.fromhex("00 0a 0400 ef000000 00100040")) == Request(
        packets.READ_REG, 0xEF, b"\x00\x10\x00\x40"
    )


@pytest.mark.parametrize(
    "packet",
    (b"", b"\0\x08\0", bytes.fromhex("010a0000 00000000"), bytes.fromhex("000a0500 00000000 00")),
    ids=("empty", "short", "an answer", "wrong length"),
)
def test_noise_is_no_request(packet):
    assert packets.parse(packet) is None


def test_an_answer_carries_its_value_beside_its_body():
    assert packets.answer(packets.READ_REG, 4, value=0x00F01D83).hex(" ", 4) == (
        "010a0400 831df000 00000000"
    )


def test_a_failed_command_says_why():
    assert packets.answer(packets.READ_REG, 2, reason=packets.READ_FAILED)[-2:] == b"\x01\x09"


def request(content, length=None, checksum=None):
    head = struct.pack("<IIII", len(content) if length is None else length, 3, 0, 0)
    return Request(
        packets.FLASH_DATA, 0xEF ^ 1 ^ 2 if checksum is None else checksum, head + content
    )


def test_a_block_has_a_place_and_a_content():
    assert packets.block(request(b"\x01\x02")) == (3, b"\x01\x02")


@pytest.mark.parametrize(
    ("broken", "reason"),
    (
        (request(b"\x01\x02", length=3), packets.INVALID_MESSAGE),
        (request(b"\x01\x02", checksum=0), packets.WRONG_CHECKSUM),
        (Request(packets.FLASH_DATA, 0xEF, b"short"), packets.INVALID_MESSAGE),
    ),
    ids=("length", "checksum", "short"),
)
def test_a_broken_block_is_refused(broken, reason):
    with pytest.raises(RomError) as error:
        packets.block(broken)
    assert error.value.reason == reason
