"""The ROM's serial loader: what a computer may ask of a chip in download mode, as a table of
commands.
"""

import hashlib
import struct

from simulator.flash import FlashError
from simulator.rom import packets, slip, writing
from simulator.rom.packets import RomError

_SYNC_ANSWERS = 8  # the ROM says it so often
_SYNC_VALUE = 0x20120707
_READ_BYTES = 64  # in every answer, however few were asked for
_REGISTER = struct.Struct("<IIII")  # address, value, mask, delay


def _refuse(request):
    """Code for the RAM (as esptool's own loader is) would have to run, and nothing here can."""
    raise RomError(packets.FAILED_TO_ACT)


class Session:
    """One stay in download mode. `feed` takes bytes of the serial port and gives the answer."""

    def __init__(self, chip, registers, flash):
        self._chip = chip
        self._registers = registers
        self._flash = flash
        self._reader = slip.Reader()
        self._writer = None
        self.is_over = False  # the computer wants the firmware to run
        self._commands = {
            packets.WRITE_REG: self._write_registers,
            packets.READ_REG: self._read_register,
            packets.FLASH_BEGIN: self._begin(writing.Plain),
            packets.FLASH_DATA: self._write,
            packets.FLASH_END: self._end,
            **dict.fromkeys((packets.MEM_BEGIN, packets.MEM_DATA, packets.MEM_END), _refuse),
            **(self._later_commands() if chip.can_inflate else {}),
            **({packets.SECURITY_INFO: self._security_info} if chip.number else {}),
        }

    def _later_commands(self):
        """Those that the ESP8266 does not have."""
        return {
            packets.SPI_SET_PARAMS: lambda request: (0, b""),
            packets.SPI_ATTACH: lambda request: (0, b""),
            packets.READ_FLASH: self._read,
            packets.CHANGE_BAUDRATE: self._change_baud,
            packets.DEFLATED_BEGIN: self._begin(writing.Deflated),
            packets.DEFLATED_DATA: self._write,
            packets.DEFLATED_END: self._end,
            packets.FLASH_MD5: self._hash,
        }

    def feed(self, data):
        """What the ROM says to these bytes."""
        answers = []
        for packet in self._reader.feed(data):
            request = packets.parse(packet)
            if request:
                answers += self._obey(request)
        return b"".join(map(slip.encode, answers))

    def _obey(self, request):
        status_size = self._chip.status_size
        if request.command == packets.SYNC:
            return [packets.answer(packets.SYNC, status_size, _SYNC_VALUE)] * _SYNC_ANSWERS
        command = self._commands.get(request.command)
        if command is None:  # said as often, and under no command's name
            return [packets.answer(0, status_size, reason=packets.INVALID_MESSAGE)] * _SYNC_ANSWERS
        try:
            value, content = command(request)
        except RomError as error:
            return [packets.answer(request.command, status_size, reason=error.reason)]
        return [packets.answer(request.command, status_size, value, content)]

    # Each command gives (value, content) of its answer.

    def _write_registers(self, request):
        if not request.body or len(request.body) % _REGISTER.size:
            raise RomError(packets.INVALID_MESSAGE)
        for address, value, mask, _ in _REGISTER.iter_unpack(request.body):
            self._registers.write(address, value, mask)
        return 0, b""

    def _read_register(self, request):
        return self._registers.read(*packets.words(request.body, 1)), b""

    def _change_baud(self, request):
        self._registers.set_baud(*packets.words(request.body, 1))
        return 0, b""

    def _security_info(self, request):
        return 0, struct.pack("<I8xII", 0, self._chip.number, 0)

    def _read(self, request):
        offset, size = packets.words(request.body, 2)
        if size > _READ_BYTES:
            raise RomError(packets.TOO_MUCH)
        return 0, self._flash_bytes(offset, size).ljust(_READ_BYTES, b"\0")

    def _hash(self, request):
        offset, size = packets.words(request.body, 2)
        content = self._flash_bytes(offset, size)
        return 0, hashlib.md5(content, usedforsecurity=False).hexdigest().encode()

    def _flash_bytes(self, offset, size):
        try:
            return self._flash.read(offset, size)
        except FlashError:
            raise RomError(packets.READ_FAILED) from None

    def _begin(self, kind):
        def begin(request):
            erase_bytes, _, block_bytes, offset = packets.words(request.body, 4)
            self._writer = kind(self._flash, offset, block_bytes)
            self._writer.erase(erase_bytes)
            return 0, b""

        return begin

    def _write(self, request):
        if self._writer is None:
            raise RomError(packets.FAILED_TO_ACT)
        self._writer.write(packets.block(request))
        return 0, b""

    def _end(self, request):
        self.is_over = True
        return 0, b""
