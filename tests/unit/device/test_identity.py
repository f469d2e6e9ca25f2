"""Who a board is."""

import pytest

IDENTITY = """
import esp32
from device.store import Config
from device.identity import Identity
from device.store import Nvs
from device.store import Store
def identity():
    return Identity(Nvs(), Config(Store("/nowhere")))
"""


def test_the_id_is_the_mac_in_hex(on_board):
    assert on_board(IDENTITY + "me = identity()\nprint(me.id, me.mac)") == [
        "246f28010203 24:6f:28:01:02:03"
    ]


def test_the_secret_is_made_once(on_board):
    script = (
        IDENTITY
        + "a, b = identity(), identity()\nprint(a.secret_hex == b.secret_hex, len(a.secret_hex))"
    )
    assert on_board(script) == ["True 64"]


def test_a_secret_of_the_wrong_length_is_made_anew(on_board):
    script = (
        IDENTITY + "esp32.NVS.committed['secret'] = b'short'\nprint(len(identity().secret_hex))"
    )
    assert on_board(script) == ["64"]


@pytest.mark.parametrize(
    ("build", "model"),
    (
        ("ESP32_GENERIC", "ESP32_GENERIC"),
        ("ESP32_GENERIC_S3-SPIRAM_OCT", "ESP32_GENERIC_S3"),
        ("", ""),
    ),
)
def test_the_model_is_the_build_without_its_variant(on_both, build, model):
    assert on_both(
        "from device.identity import build_model\nprint(build_model(given[0]))", build
    ) == [model]


def test_the_firmware_is_a_word_of_sys_version(on_both):
    text = "3.4.0; MicroPython v1.26.0 on 2025-08-09"
    script = "from device.identity import firmware_version\nprint(firmware_version(given[0]))"
    assert on_both(script, text) == ["v1.26.0"]
