"""Firmware files to flash: whole images as MicroPython builds them, with a virtual app."""

from simulator import image
from simulator.partitions import LAYOUT, Partition, encode

SINGLE = (  # as MicroPython laid 4 MB out until its firmware made the file system itself
    Partition("nvs", 1, 0x02, 0x9000, 0x6000),
    Partition("phy_init", 1, 0x01, 0xF000, 0x1000),
    Partition("factory", 0, 0x00, 0x10000, 0x1F0000),
    Partition("vfs", 1, 0x81, 0x200000, 0x200000),
)
_BOOTLOADER = b"simulator/bootloader.py decides, with rollback".ljust(64, b"\0")


def whole(partitions=LAYOUT, app=None, flash_mb=4, chip=0):
    """A .bin for offset 0x1000: bootloader, partition table, app."""
    bootloader = bytearray(image.assemble([(0x3FFF0030, _BOOTLOADER)]))
    bootloader[3] = (flash_mb.bit_length() - 1) << 4
    bootloader[12] = chip
    offset = 0x1000 if chip in (0, 2) else 0
    head = bytes(bootloader).ljust(0x8000 - offset, b"\xff") + encode(partitions)
    return head.ljust(0x10000 - offset, b"\xff") + (image.build() if app is None else app)
