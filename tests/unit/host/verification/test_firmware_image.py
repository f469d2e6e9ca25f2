"""Firmware images as the host reads them: good ones, and every way of being bad."""

import pytest

from host.verification import image
from simulator import build_image

GOOD = build_image(version="v1.27.0", payload=bytes(range(256)) * 40)


def changed(at, *values):
    content = bytearray(GOOD)
    content[at : at + len(values)] = values
    return bytes(content)


def test_a_good_image_says_who_it_is():
    found = image.read(GOOD, "ESP32_GENERIC")
    assert (found.chip, found.project, found.version) == (0, "micropython", "v1.27.0")
    assert found.elf == GOOD[176:192].hex()


BAD = {
    "empty": (b"", "does not begin with 0xe9"),
    "wrong magic": (changed(0, 0xEA), "does not begin with 0xe9"),
    "a header alone": (GOOD[:20], "cut short"),
    "no segments": (changed(1, 0), "0 segments"),
    "more segments than the ROM takes": (changed(1, 17), "17 segments"),
    "a segment without end": (changed(28, 0xFF, 0xFF, 0xFF, 0x7F), "cut short"),
    "cut short": (GOOD[:-1], "cut short"),
    "cut in a segment": (GOOD[:5000], "cut short"),
    "no hash appended": (changed(23, 0), "no hash"),
    "a bit flipped": (changed(5000, GOOD[5000] ^ 1), "checksum"),
    "two bits flipped": (changed(5000, GOOD[5000] ^ 1, GOOD[5001] ^ 1), "hash at its end"),
    "wrong hash": (changed(len(GOOD) - 1, GOOD[-1] ^ 1), "hash at its end"),
    "trailing bytes": (GOOD + b"\xff" * 4096, "4096 bytes follow"),
    "over 4 MB": (GOOD.ljust((4 << 20) + 1), "at most"),
}


@pytest.mark.parametrize(("content", "said"), BAD.values(), ids=BAD)
def test_a_bad_image_is_refused(content, said):
    with pytest.raises(image.ImageError, match=said) as refused:
        image.read(content)
    assert refused.value.code == "bad-image"


def test_an_image_without_a_descriptor_is_refused():
    from simulator.image import assemble

    with pytest.raises(image.ImageError, match="descriptor"):
        image.read(assemble([(0x3FFF0030, b"a bootloader" * 20)]))


@pytest.mark.parametrize(("model", "chip"), (("ESP32_GENERIC", 9), ("ESP32_GENERIC_S3", 0)))
def test_an_image_for_another_chip_is_refused(model, chip):
    with pytest.raises(image.ImageError, match="the board is an ESP32") as refused:
        image.read(changed(12, chip), model)
    assert refused.value.code == "wrong-chip"


def test_a_model_that_does_not_name_its_chip_is_left_to_the_board():
    assert image.read(GOOD, "LOLIN_D32").chip == 0
