"""Unmodified esptool identifies a virtual board, reads its flash, and flashes it."""

import struct
import subprocess

import esptool
import pytest

from simulator import build_image
from simulator.partitions import LAYOUT, TABLE_OFFSET, TABLE_SIZE, decode
from tests.boards import PROMPT, board_maker
from tests.rom_loader import loader, run_esptool

__all__ = ["board_maker"]

MAC = bytes.fromhex("246f28aabbcc")
NEW = build_image(version="v1.27.0", payload=b"new" * 5000)
FIRST_BLOCK = struct.pack("<IIII", 1024, 0, 0, 0) + NEW[:1024]
CHECKSUM = esptool.ESPLoader.checksum(NEW[:1024])


@pytest.fixture
def board(board_maker):
    """A board at its prompt."""
    board = board_maker(unique_id=MAC)
    board.power_on()
    board.wait_for(PROMPT)
    return board


def test_esptool_resets_a_board_by_its_lines_and_flashes_it(board):
    with loader(board.rfc2217_url, "default-reset") as esp:
        assert board.is_downloading
        assert esp.get_chip_description() == "ESP32-D0WD-V3 (revision v3.1)"
        assert esp.get_crystal_freq() == 40
        esptool.attach_flash(esp)
        table = esptool.read_flash(esp, TABLE_OFFSET, TABLE_SIZE, output=None, no_progress=True)
        assert decode(table) == LAYOUT
        esptool.write_flash(esp, [(LAYOUT[3].offset, NEW)], no_progress=True)
        at = board.mark
        esp.hard_reset()
        board.wait_for(PROMPT, since=board.wait_for("boot:0x13", since=at))
    assert board.firmware.image_of(board.firmware.running).version == "v1.27.0"


def test_esptool_s_command_line_flashes_over_the_pty(board, tmp_path):
    image, table = tmp_path / "new.bin", tmp_path / "table.bin"
    image.write_bytes(NEW)
    board.enter_download()
    said = run_esptool(board.port, "write-flash", "--compress", "0x190000", image)
    assert "Hash of data verified" in said
    run_esptool(board.port, "read-flash", TABLE_OFFSET, TABLE_SIZE, table)
    assert decode(table.read_bytes()) == LAYOUT
    assert board.firmware.image_of("ota_1").version == "v1.27.0"


@pytest.mark.parametrize(
    ("chip", "megabytes", "is_encrypted"),
    (("ESP32", 2, True), ("ESP32-S3", 8, False), ("ESP8266", 4, False)),
)
def test_esptool_tells_chips_flash_and_encryption(board_maker, chip, megabytes, is_encrypted):
    board = board_maker(
        chip=chip,
        unique_id=MAC,
        flash_bytes=megabytes << 20,
        layout=None,
        is_encrypted=is_encrypted,
    )
    board.power_on()
    board.enter_download()
    with loader(board.port) as esp:
        esptool.attach_flash(esp)
        assert chip == esp.CHIP_NAME
        assert bytes(esp.read_mac()) == MAC
        assert esptool.detect_flash_size(esp) == f"{megabytes}MB"
        assert esp.get_flash_encryption_enabled() == is_encrypted


def test_esptool_says_that_its_own_loader_does_not_run_here(board):
    board.enter_download()
    with loader(board.port) as esp, pytest.raises(esptool.FatalError, match="RAM download"):
        esptool.run_stub(esp)


def test_a_board_that_lost_power_while_it_was_flashed_is_flashed_again(board):
    board.enter_download()
    with loader(board.port) as esp:
        esptool.attach_flash(esp)
        # One block alone: esptool waits three seconds for each answer, and tries each thrice.
        esp.flash_begin(len(NEW), LAYOUT[3].offset)
        board.cut_power_at(1, "middle")
        with pytest.raises(esptool.FatalError):
            esp.command(esp.ESP_CMDS["FLASH_DATA"], FIRST_BLOCK, CHECKSUM, timeout=0.1)
        assert board.wait_for_cut()
        board.power_on()
        board.wait_for("No bootable app")
        board.enter_download()
        esp.connect("no-reset")
        esptool.attach_flash(esp)
        esptool.write_flash(esp, [(LAYOUT[3].offset, NEW)], no_progress=True)
    at = board.mark
    board.reset()
    board.wait_for(PROMPT, since=at)


def test_esptool_gives_up_on_a_board_that_runs(board):
    with pytest.raises(subprocess.CalledProcessError) as error:
        run_esptool(board.port, "--connect-attempts", "1", "chip-id")
    assert "Failed to connect" in error.value.stdout + error.value.stderr
