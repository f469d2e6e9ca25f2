"""Images are such that a bootloader and esptool take them."""

import hashlib
import struct

import pytest

from simulator import image

IMAGE = image.build(version="v1.26.0", payload=bytes(range(256)) * 40)


def test_an_image_is_read_back():
    found = image.parse(IMAGE)
    assert (found.version, found.project, found.size) == ("v1.26.0", "micropython", len(IMAGE))


def test_the_elf_hash_is_where_a_board_looks_for_it():
    assert IMAGE[176:208] == image.parse(IMAGE).elf_sha256


def test_the_descriptor_is_esp_idf_s():
    magic, version = struct.unpack_from("<I12x32s", IMAGE, 32)
    assert (magic, version.rstrip(b"\0")) == (0xABCD5432, b"v1.26.0")


def test_the_checksum_is_the_xor_of_all_segments_with_ef():
    checksum, at = 0xEF, 24
    for _ in range(IMAGE[1]):
        size = struct.unpack_from("<I", IMAGE, at + 4)[0]
        for byte in IMAGE[at + 8 : at + 8 + size]:
            checksum ^= byte
        at += 8 + size
    at += 15 - at % 16
    assert IMAGE[at] == checksum


def test_the_hash_ends_the_image():
    assert IMAGE[-32:] == hashlib.sha256(IMAGE[:-32]).digest()


def test_what_follows_in_the_slot_does_not_matter():
    assert image.parse(IMAGE + b"\xff" * 100).size == len(IMAGE)


def test_other_contents_have_another_identity():
    other = image.build(version="v1.26.0", payload=b"other")
    assert image.parse(other).elf_sha256 != image.parse(IMAGE).elf_sha256


@pytest.mark.parametrize("at", (0, 1, 33, 300, len(IMAGE) - 33, len(IMAGE) - 1))
def test_one_flipped_bit_is_noticed(at):
    broken = bytearray(IMAGE)
    broken[at] ^= 0x10
    with pytest.raises(image.ImageError):
        image.parse(bytes(broken))


def test_a_wrong_checksum_under_a_right_hash_is_noticed():
    body = bytearray(IMAGE[:-32])
    body[-1] ^= 1
    with pytest.raises(image.ImageError, match="checksum"):
        image.parse(bytes(body) + hashlib.sha256(body).digest())


@pytest.mark.parametrize("size", (0, 10, 24, 100, len(IMAGE) - 1))
def test_a_short_image_is_noticed(size):
    with pytest.raises(image.ImageError):
        image.parse(IMAGE[:size])


def test_an_image_for_another_chip_is_refused():
    other = bytearray(IMAGE)
    other[12] = 9
    with pytest.raises(image.ImageError, match="chip 9"):
        image.parse(bytes(other))
