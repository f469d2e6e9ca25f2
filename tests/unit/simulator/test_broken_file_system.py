"""A file system that does not mount stops a virtual board as it stops an ESP32: before boot.py,
within reach of Ctrl-C, with everything in NVS.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from simulator.flash import SECTOR
from simulator.machine import POWER_ON, SOFT
from simulator.partitions import find
from tests.boards import PROMPT, execute

COMPLAINT = "The filesystem appears to be corrupted"
RAW = "raw REPL; CTRL-B to exit\r\n>"
SECRET = bytes(range(32))
KEEP = f"from esp32 import NVS\nn = NVS('mpfleet')\nn.set_blob('secret', {SECRET})\nn.commit()"
TELL = (
    "from esp32 import NVS\nimport machine\nb = bytearray(32)\n"
    "NVS('mpfleet').get_blob('secret', b)\nprint(machine.unique_id() + b)"
)
# What repairs it: the first block of the partition, blank, is what the firmware formats.
BLANK = "from esp32 import Partition\nPartition.find(1, label='vfs')[0].ioctl(6, 0)"


@pytest.fixture
def broken(virtual_board):
    """A board with a secret and a boot.py that would print, powered on with a broken file
    system.
    """
    execute(virtual_board, KEEP)
    execute(virtual_board, "f = open('boot.py', 'w'); f.write('print(2 * 3)'); f.close()")
    virtual_board.power_off()
    virtual_board.corrupt_file_system()
    virtual_board.power_on()
    return virtual_board


def interrupt(board):
    """Ctrl-C out of the complaint, to the prompt."""
    at = board.wait_for(COMPLAINT)
    board.type("\x03")
    return board.wait_for(PROMPT, since=at)


def restart(board):
    """EN; where in the serial log the new start begins."""
    at = board.mark
    board.reset()
    return at


def test_it_says_so_again_and_again_and_never_reaches_boot(broken):
    at = broken.wait_for(COMPLAINT)
    broken.wait_for(COMPLAINT, since=at)
    assert "6\r\n" not in broken.console_text


def test_ctrl_c_ends_it_at_a_prompt_without_files(broken):
    interrupt(broken)
    assert execute(broken, "import os; print(os.listdir('/'), os.listdir())") == "[] []\n"


def test_the_traceback_of_ctrl_c_names_nothing_of_ours(broken):
    at = broken.mark
    interrupt(broken)
    said = broken.text_since(at)
    assert ("KeyboardInterrupt" in said, ".py" in said) == (True, False)


def test_a_reset_begins_it_anew(broken):
    interrupt(broken)
    broken.wait_for(COMPLAINT, since=restart(broken))


def test_a_soft_reset_in_the_raw_repl_needs_ctrl_c_again_and_ends_in_the_raw_repl(broken):
    at = interrupt(broken)
    broken.type("\x01")
    at = broken.wait_for(RAW, since=at)
    broken.type("\x04")
    at = broken.wait_for(COMPLAINT, since=broken.wait_for("soft reboot", since=at))
    broken.type("\x03")
    broken.wait_for(RAW, since=at)
    assert broken.resets == [POWER_ON, POWER_ON, SOFT]


def test_mpremote_reaches_it_when_told_to_resume(broken):
    broken.wait_for(COMPLAINT)
    mpremote = Path(sys.executable).with_name("mpremote")
    command = [mpremote, "connect", broken.port, "resume", "exec", "print(6 * 7)"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert (done.stdout, done.stderr, done.returncode) == ("42\n", "", 0)


def test_id_and_secret_are_in_nvs_as_before(broken):
    interrupt(broken)
    assert execute(broken, TELL) == f"{broken.unique_id + SECRET}\n"


def test_a_first_block_made_blank_is_formatted_and_id_and_secret_are_as_before(broken):
    interrupt(broken)
    execute(broken, BLANK)
    at = broken.wait_for("Performing initial setup", since=restart(broken))
    broken.wait_for(PROMPT, since=at)
    assert execute(broken, "import os; print(os.listdir())") == "['boot.py']\n"
    assert execute(broken, TELL) == f"{broken.unique_id + SECRET}\n"


def test_one_superblock_is_enough(virtual_board):
    virtual_board.power_off()
    virtual_board.flash.erase(find(virtual_board.firmware.partitions, "vfs").offset)
    at = virtual_board.mark
    virtual_board.power_on()
    virtual_board.wait_for(PROMPT, since=at)
    assert execute(virtual_board, "import os; print(os.listdir())") == "['boot.py']\n"


def test_a_first_block_that_holds_anything_is_not_formatted(virtual_board):
    virtual_board.power_off()
    at = find(virtual_board.firmware.partitions, "vfs").offset
    for block in (0, 1):
        virtual_board.flash.erase(at + block * SECTOR)
    virtual_board.flash.program(at + SECTOR - 1, b"\xfe")
    virtual_board.power_on()
    virtual_board.wait_for(COMPLAINT)
