"""Mounts the file system as the ESP32's _boot.py does: formats what is blank, and complains of
what is broken until Ctrl-C, which leads to a prompt without files.
"""

import vfs
from _flash import FileSystemDevice
from esp32 import Partition


def mount():
    """Mount /, after formatting it if its first block is blank.

    Raises: KeyboardInterrupt, the only way out of the complaint about a broken one.
    """
    import os

    device = FileSystemDevice(Partition.find(Partition.TYPE_DATA, label="vfs")[0])
    try:
        vfs.mount(vfs.VfsLfs2(device), "/")
    except OSError:
        _format(device)
    os.chdir("/")


def _format(device):
    first = bytearray(device.ioctl(5, 0))
    device.readblocks(0, first)
    if any(byte != 0xFF for byte in first):
        _complain()
    print("Performing initial setup")
    vfs.VfsLfs2.mkfs(device)
    vfs.mount(vfs.VfsLfs2(device), "/")
    with open("/boot.py", "w") as f:
        f.write("# This file is executed on every boot (including wake-boot from deepsleep)\n")


def _complain():
    import _board
    import time

    _board.call("started")  # from here on Ctrl-C is heard
    while True:
        # The first sentence is the firmware's: tools know a board in this state by it.
        print(
            "The filesystem appears to be corrupted. Save a copy of the flash if what is in it\n"
            "matters, then erase the chip and put MicroPython on it again.\n"
        )
        time.sleep(3)
