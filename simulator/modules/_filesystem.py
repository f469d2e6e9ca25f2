"""Mounts the file system as the ESP32's _boot.py does, with its words."""

import vfs
from _flash import FileSystemDevice
from esp32 import Partition


def mount():
    """Mount /, after formatting it if it is blank; loops for ever if it is broken."""
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

    _board.call("started")
    while True:
        print(
            "The filesystem appears to be corrupted. If you had important data there, you\n"
            "may want to make a flash snapshot to try to recover it. Otherwise, perform\n"
            "factory reprogramming of MicroPython firmware (completely erase flash, followed\n"
            "by firmware programming).\n"
        )
        time.sleep(3)
