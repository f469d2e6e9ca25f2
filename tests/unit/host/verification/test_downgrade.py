"""Which firmware a board would not come back from."""

import pytest

from host.verification import downgrade, image
from simulator import build_image

STOCK = b"3.4.0; MicroPython v1.25.0 on 2025-04-15\0"  # sys.version, as it lies in a stock build


def why(runs, brings, model="ESP32_GENERIC"):
    return downgrade.why({"ESP32_GENERIC": {"micropython": brings}}, model, runs)


@pytest.mark.parametrize(
    ("runs", "brings"),
    (("v1.26.0", "v1.25.0"), ("v1.27.0", "v1.25.0"), ("v1.26.0-preview.7.gabc", "1.24.1")),
)
def test_what_cannot_read_the_file_system_is_told(runs, brings):
    consequence = "finds no file system on a board that was set up with 1.26 or newer"
    assert why(runs, brings) == f"{brings} {consequence}"


@pytest.mark.parametrize(
    ("runs", "brings"),
    (
        ("v1.25.0", "v1.26.0"), ("v1.27.0", "v1.26.0"), ("v1.25.0", "v1.24.0"),
        ("v1.26.0", "v1.26.0"), ("v2.0.0", "v1.26.0"), (None, "v1.25.0"), ("v1.26.0", ""),
        ("v1.26.0", "mine"), ("mine", "v1.25.0"),
    ),
)  # fmt: skip
def test_other_steps_are_no_trouble_or_nobody_knows(runs, brings):
    assert why(runs, brings) is None


def test_a_board_keeps_what_it_has_where_there_is_no_image_for_its_model():
    assert why("v1.26.0", "v1.25.0", "ESP32_GENERIC_S3") is None


def test_a_board_of_an_unknown_model_could_be_given_any():
    assert why("v1.26.0", "v1.25.0", None) is not None


def test_a_release_without_firmware_is_no_trouble():
    assert downgrade.why({}, "ESP32_GENERIC", "v1.26.0") is None


FIRMWARE = {
    "stock": (build_image(version="", project="", payload=STOCK), "v1.25.0"),
    "what it says counts": (build_image(version="mine", payload=STOCK), "v1.25.0"),
    "described": (build_image(version="v1.27.0"), "v1.27.0"),
    "of another kind": (build_image(version="v1.27.0", project="tasmota"), ""),
}


@pytest.mark.parametrize("name", FIRMWARE)
def test_an_image_tells_its_micropython(name):
    content, version = FIRMWARE[name]
    assert downgrade.version(content, image.read(content)) == version
