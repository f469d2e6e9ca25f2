"""What sets one Espressif chip apart from another for who talks to its ROM: a table, and the fuses
that hold a board's address.
"""

import struct
from typing import NamedTuple

_CRYPT_COUNT = 1  # one bit set of FLASH_CRYPT_CNT: an odd number means that flash is encrypted
_XTAL_HZ = 40_000_000
# The ROM measures its crystal: cycles of it in a period of the slow clock, times the 8 MHz clock's
# correction. Together they make 40 MHz exactly.
_CALIBRATION, _CK8M_FREQUENCY = 800, 128


class Spi(NamedTuple):
    """Addresses of the registers by which a command is sent to the flash."""

    command: int
    request: int  # whose low byte is the flash's command (USR2)
    data: int  # the first word that comes back (W0)


class Chip(NamedTuple):
    """A row of the table."""

    magic: int  # at a fixed address of every chip
    number: int | None  # in image headers, and told by the ROM of newer chips
    status_size: int  # bytes at the end of an answer
    can_inflate: bool  # and read flash, and hash it
    divider: int  # address of the UART's clock divider
    clock_hz: int  # that is divided
    spi: Spi
    fuses: callable  # (mac, is_encrypted) → words by address


def _crc8(data):
    """CRC-8/MAXIM, by which the ESP32 checks its address."""
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x8C if value & 1 else 0)
    return value


def _esp32_fuses(mac, is_encrypted):
    """An ESP32-D0WD-V3, revision 3.1, at 240 MHz."""
    base, high, low = 0x3FF5A000, *struct.unpack(">HI", mac)
    return {
        base + 0x00: (_CRYPT_COUNT if is_encrypted else 0) << 20,
        base + 0x04: low,
        base + 0x08: _crc8(mac) << 16 | high,
        base + 0x0C: 1 << 15 | 1 << 13 | 1 << 9,  # revision bit 0, rated speed, package D0WD
        base + 0x10: _CK8M_FREQUENCY,
        base + 0x14: 1 << 24 | 1 << 20,  # minor revision 1, revision bit 1
        0x3FF6607C: 1 << 31,  # APB_CTL_DATE: revision bit 2
        0x3FF5F06C: _CALIBRATION << 7,  # RTCCALICFG1
    }


def _esp32s3_fuses(mac, is_encrypted):
    """An ESP32-S3 (QFN56), revision 0.2, without memory of its own."""
    base, high, low = 0x60007000, *struct.unpack(">HI", mac)
    return {
        base + 0x34: (_CRYPT_COUNT if is_encrypted else 0) << 18,  # SPI_BOOT_CRYPT_CNT
        base + 0x44: low,
        base + 0x48: high,
        base + 0x50: 2 << 18,  # minor revision
    }


def _esp8266_fuses(mac, is_encrypted):
    """An ESP8266EX; it has no encryption."""
    base = 0x3FF00050
    return {
        base: mac[5] << 24,
        base + 0x04: mac[3] << 8 | mac[4],
        base + 0x0C: int.from_bytes(mac[:3], "big"),
    }


CHIPS = {
    "ESP32": Chip(
        *(0x00F01D83, None, 4, True, 0x3FF40014, _XTAL_HZ),
        *(Spi(0x3FF42000, 0x3FF42024, 0x3FF42080), _esp32_fuses),
    ),
    "ESP32-S3": Chip(
        *(0x00000009, 9, 4, True, 0x60000014, _XTAL_HZ),
        *(Spi(0x60002000, 0x60002020, 0x60002058), _esp32s3_fuses),
    ),
    "ESP8266": Chip(
        *(0xFFF0C101, None, 2, False, 0x60000014, 2 * 26_000_000),
        *(Spi(0x60000200, 0x60000224, 0x60000240), _esp8266_fuses),
    ),
}
