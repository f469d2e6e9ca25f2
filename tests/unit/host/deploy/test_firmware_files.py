"""Which firmware file may go onto which board, and what is written where."""

import pytest

from host.deploy import binary, relayout
from host.deploy.binary import Chip
from host.deploy.errors import DeployError
from host.deploy.layout import MB, Layout, parse
from simulator import image
from simulator.partitions import LAYOUT, encode
from tests.firmware_files import SINGLE, whole

OTA, ONE_APP = parse(encode(LAYOUT)), parse(encode(SINGLE))
BLANK = Layout()
ESP32 = Chip("ESP32", 0, 4 * MB, OTA)


def word_of(action, *args):
    with pytest.raises(DeployError) as caught:
        action(*args)
    return caught.value.code


def places(wanted, chip, tail=b""):
    return [offset for offset, _ in binary.segments(wanted, chip, tail)]


def test_a_whole_image_and_an_app_are_told_apart_by_what_they_hold():
    found = [binary.read(content) for content in (whole(), whole(SINGLE), image.build())]
    assert [b.layout.is_ota for b in found] == [True, False, False]
    assert [len(b.layout) for b in found] == [6, 4, 0]
    assert {b.version for b in found} == {"v1.26.0"}


def test_padding_behind_the_app_does_no_harm():
    assert binary.read(whole() + b"\xff" * 4096).app == image.build()


BAD = {
    "text": b"hello" * 100,
    "UF2": b"UF2\n" + bytes(508),
    "empty": b"",
    "cut in the table": whole()[:0x7010],
    "cut in the app": whole()[:-20],
    "no table": whole()[:0x7000] + b"\xff" * 0x20000,
    "a damaged app": whole(app=image.build()[:-40] + bytes(40)),
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_what_is_no_firmware_is_refused(content):
    assert word_of(binary.read, content) == "bad-image"


REASONS = {  # file, chip, word
    "fits": (whole(), ESP32, None),
    "app fits": (image.build(), ESP32, None),
    "another chip": (whole(), ESP32._replace(name="ESP32-S3", number=9), "wrong-chip"),
    "2 MB": (whole(), ESP32._replace(flash_bytes=2 * MB), "small-flash"),
    "file for 8 MB": (whole(flash_mb=8), ESP32, "small-flash"),
    "encrypted": (whole(), ESP32._replace(is_encrypted=True), "encrypted-flash"),
    "secure boot": (whole(), ESP32._replace(is_locked=True), "secure-boot"),
    "app alone": (image.build(), ESP32._replace(layout=ONE_APP), "app-only"),
    "app, blank": (image.build(), ESP32._replace(layout=BLANK), "app-only"),
}


@pytest.mark.parametrize(("content", "chip", "word"), REASONS.values(), ids=REASONS)
def test_a_file_may_go_onto_a_board_or_the_reason_is_given(content, chip, word):
    why = binary.reason_against(binary.read(content), chip)
    assert (why and why.code) == word


def test_what_is_on_a_blank_board_is_written_from_the_bootloader_on():
    blank = ESP32._replace(layout=BLANK)
    wanted = [0x1000, 0x8000, 0x9000, 0xD000, 0x10000, 0x310000]
    assert places(binary.read(whole()), blank) == wanted


def test_identity_and_files_are_not_written_over_where_the_layout_stays():
    assert places(binary.read(whole()), ESP32) == [0x1000, 0x8000, 0xD000, 0x10000]


@pytest.mark.parametrize(("tail", "has_nvs"), ((b"\xff" * 0x2000, False), (b"\1" * 0x2000, True)))
def test_identity_stays_in_a_smaller_nvs_if_nothing_lay_behind(tail, has_nvs):
    found = places(binary.read(whole()), ESP32._replace(layout=ONE_APP), tail)
    assert (0x9000 in found) == has_nvs


def test_an_app_alone_goes_into_the_first_slot_which_then_starts():
    assert places(binary.read(image.build()), ESP32) == [0x10000, 0xD000]


def test_a_chip_whose_rom_looks_elsewhere_gets_its_bootloader_there():
    app = bytearray(image.build())
    app[12] = 9  # the header is hashed, too
    content = whole(chip=9, app=_sealed(bytes(app)))
    found = binary.read(content)
    assert (found.chip, found.offset) == (9, 0)


def _sealed(app):
    import hashlib

    return app[:-32] + hashlib.sha256(app[:-32]).digest()


def test_a_single_app_is_laid_out_for_two_as_a_stock_ota_build_is():
    made = relayout.with_ota(binary.read(whole(SINGLE)))
    assert list(made.layout) == list(OTA)
    assert made.app == image.build()


def test_an_app_too_large_for_two_is_refused():
    large = whole(SINGLE, image.build(payload=bytes(0x190000)))
    assert word_of(relayout.with_ota, binary.read(large)) == "no-ota-layout"
