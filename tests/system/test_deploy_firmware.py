"""MicroPython flashed by deploy: through a virtual ROM, with unmodified esptool, over rfc2217://."""

import pytest

from host.deploy import DeployError
from simulator import build_image, partitions
from tests.boards import PROMPT
from tests.firmware_files import SINGLE, whole
from tests.system.test_deploy import Shelf, look, set_up

SECRET = "\nimport esp32\nb = bytearray(32)\nesp32.NVS('mpfleet').get_blob('secret', b)\n"
SECRET += "print(json.dumps(b.hex()))"


@pytest.fixture
def flash(tmp_path):
    """Deploy with a firmware file of these bytes."""

    def deploy(board, content, **more):
        file = tmp_path / "firmware.bin"
        file.write_bytes(content)
        more.setdefault("shelf", Shelf())
        return set_up(board, port=board.rfc2217_url, firmware=file, **more)

    return deploy


def test_flashing_anew_keeps_identity_and_files(virtual_board, flash):
    set_up(virtual_board, Shelf())
    secret = look(virtual_board, SECRET)
    newer = build_image("v1.27.0")
    outcome = flash(virtual_board, whole(app=newer))
    assert (outcome.copied, look(virtual_board, SECRET)) == (0, secret)
    assert virtual_board.firmware.image_of("ota_0").version == "v1.27.0"


def test_a_board_with_one_app_is_laid_out_for_two_and_stays_who_it_is(board_maker, flash):
    board = board_maker(layout=partitions.SINGLE_APP)
    board.power_on()
    board.wait_for(PROMPT)
    set_up(board, Shelf())
    secret, asked = look(board, SECRET), []
    flash(board, whole(SINGLE), ask=lambda what: asked.append(what) or True)
    assert ["loses all its files" in what for what in asked] == [True]
    assert [p.label for p in board.firmware.partitions][3:5] == ["ota_0", "ota_1"]
    assert look(board, SECRET) == secret


REFUSED = {  # the board, the file, word
    "another chip": ({"chip": "ESP32-S3"}, whole(), "wrong-chip"),
    "no ESP32": ({"chip": "ESP8266"}, whole(), "unknown-chip"),
    "truncated": ({}, whole()[:-100], "bad-image"),
    "2 MB": (
        {"layout": partitions.SINGLE_APP_2MB, "flash_bytes": 1 << 21},
        whole(),
        "small-flash",
    ),
    "encrypted": ({"is_encrypted": True}, whole(), "encrypted-flash"),
    "nobody agrees": ({"layout": partitions.SINGLE_APP}, whole(), "not-agreed"),
}


@pytest.mark.parametrize(("made", "content", "word"), REFUSED.values(), ids=REFUSED)
def test_what_must_not_be_flashed_is_refused_before_a_byte_is_written(
    board_maker, flash, made, content, word
):
    board = board_maker(**made)
    board.power_on()
    board.wait_for(PROMPT)
    before = board.flash.operations
    with pytest.raises(DeployError) as caught:
        flash(board, content)
    assert (caught.value.code, board.flash.operations) == (word, before)
    assert caught.value.advice


def test_power_lost_while_flashing_is_made_good_by_doing_it_again(board_maker, flash):
    board = board_maker(layout=None)
    board.power_on()

    def pull(event):
        if event.step == "firmware" and event.total and event.done > event.total / 2:
            board.power_off()

    with pytest.raises(DeployError) as caught:
        flash(board, whole(app=build_image(payload=bytes(50_000))), report=pull)
    assert caught.value.code in ("loader-failed", "port-lost")
    board.power_on()
    assert flash(board, whole()).copied > 5
