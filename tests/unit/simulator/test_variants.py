"""Firmware images whose bytes say how the chip behaves, and a bootloader without rollback."""

import subprocess
import sys
from pathlib import Path

import pytest

from simulator import build_image, image, otadata
from tests.boards import PROMPT, BoardError, execute

BIN = Path(sys.executable).parent
SET_BOOT = "from esp32 import Partition; Partition('ota_1').set_boot()"
JOIN = """
import network, time
w = network.WLAN(network.STA_IF)
w.active(True)
w.connect("home", "secret12")
for _ in range(40):
    if w.isconnected():
        break
    time.sleep_ms(10)
print(w.isconnected(), [n[0] for n in w.scan()])
"""


def tool(name, *arguments):
    """What a tool of the trade prints; skipped where it is not installed."""
    if not (BIN / name).exists():
        pytest.skip(f"{name} is not installed: make installs it")
    done = subprocess.run([BIN / name, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def reset(board):
    at = board.mark
    board.reset()
    return board.wait_for(PROMPT, since=at)


@pytest.mark.parametrize("behaviour", image.BEHAVIOURS)
def test_esptool_accepts_every_variant(tmp_path, behaviour):
    (tmp_path / "image.bin").write_bytes(build_image(payload=b"x" * 70_000, behaviour=behaviour))
    said = tool("esptool", "image-info", str(tmp_path / "image.bin"))
    assert (said.count("(valid)"), "v1.26.0" in said) == (2, True)


def test_mp_image_tool_reads_the_partition_table_of_the_flash_file(board_maker, tmp_path):
    # It knows files for esptool, which begin with the bootloader.
    (tmp_path / "flash.bin").write_bytes(board_maker().flash.path.read_bytes()[0x1000:])
    said = tool("mp-image-tool-esp32", str(tmp_path / "flash.bin"))
    assert all(name in said for name in ("nvs", "otadata", "ota_0", "ota_1", "vfs"))


@pytest.mark.parametrize("behaviour", image.BEHAVIOURS)
def test_the_behaviour_is_read_from_the_bytes(behaviour):
    assert image.parse(build_image(behaviour=behaviour)).behaviour == behaviour


def test_variants_have_identities_of_their_own():
    found = {image.parse(build_image(behaviour=b)).elf_sha256 for b in image.BEHAVIOURS}
    assert len(found) == len(image.BEHAVIOURS)


def test_an_unknown_behaviour_is_refused():
    with pytest.raises(ValueError, match="levitate"):
        build_image(behaviour="levitate")


def test_a_panic_comes_before_boot_py_again_and_again(board_maker):
    board = board_maker(firmware=build_image(behaviour=image.PANIC))
    board.power_on()
    at = board.wait_for("Guru Meditation")
    at = board.wait_for("SW_RESET", since=at)
    board.wait_for("Guru Meditation", since=at)
    assert "MicroPython" not in board.console_text


def test_a_firmware_without_wifi_hears_nobody(board_maker):
    board = board_maker(firmware=build_image(behaviour=image.NO_WIFI))
    board.power_on()
    board.wait_for(PROMPT)
    assert execute(board, JOIN) == "False []\n"


def test_a_firmware_that_hangs_does_so_after_boot_py(board_maker):
    board = board_maker(firmware=build_image())
    board.power_on()
    board.wait_for(PROMPT)
    lines = "print('boot ran'); import machine; machine.WDT(timeout=500)"
    execute(board, f"f = open('boot.py', 'w'); f.write({lines!r}); f.close()")
    put(board, "ota_1", build_image(behaviour=image.HANG))
    execute(board, SET_BOOT)
    at = board.mark
    board.reset()
    at = board.wait_for("boot ran", since=at)
    board.wait_for("TG1WDT_SYS_RESET", since=at)


def test_without_rollback_an_unconfirmed_firmware_stays(board_maker):
    board = board_maker(has_rollback=False)
    board.power_on()
    board.wait_for(PROMPT)
    put(board, "ota_1", build_image(version="v1.27.0"))
    execute(board, SET_BOOT)
    reset(board)
    reset(board)
    assert board.firmware.running == "ota_1"
    states = [entry and entry.state for entry in otadata.read(board.flash, 0xD000)]
    assert states == [otadata.VALID, otadata.NEW]


def test_an_image_of_another_chip_is_not_set(board_maker):
    board = board_maker()
    board.power_on()
    board.wait_for(PROMPT)
    other = bytearray(build_image())
    other[12] = 9
    put(board, "ota_1", bytes(other))
    with pytest.raises(BoardError, match="VALIDATE_FAILED"):
        execute(board, SET_BOOT)


def put(board, label, content):
    """Write an image into a firmware slot, as the board's own software would."""
    execute(
        board,
        f"from esp32 import Partition\nimage = {content!r}\nslot = Partition({label!r})\n"
        "for n in range(0, len(image), 4096):\n"
        "    block = image[n:n + 4096]\n"
        "    slot.writeblocks(n // 4096, block + b'\\xff' * (4096 - len(block)))\n",
    )
