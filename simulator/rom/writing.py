"""How the ROM writes to flash: it erases first, all of it, then takes blocks in their order."""

import zlib

from simulator.flash import SECTOR, FlashError
from simulator.rom import packets
from simulator.rom.packets import RomError


class Plain:
    """Blocks as they are to lie in flash."""

    def __init__(self, flash, offset, block_bytes):
        self._flash = flash
        self._offset = offset
        self._block_bytes = block_bytes

    def erase(self, size):
        """Make room.

        Raises: RomError for what is not on the chip, or does not begin a sector.
        """
        try:
            self._flash.read(self._offset, size)  # all of it is on the chip, or nothing is erased
            for offset in range(self._offset, self._offset + size, SECTOR):
                self._flash.erase(offset)
        except FlashError:
            raise RomError(packets.FAILED_TO_ACT) from None

    def write(self, block):
        """Write one; again does no harm.

        Raises: RomError.
        """
        self._program(self._offset + block.sequence * self._block_bytes, block.content)

    def _program(self, offset, content):
        try:
            self._flash.program(offset, content)
        except FlashError:
            raise RomError(packets.WRITE_FAILED) from None


class Deflated(Plain):
    """Blocks of a zlib stream."""

    def __init__(self, flash, offset, block_bytes):
        super().__init__(flash, offset, block_bytes)
        self._stream = zlib.decompressobj()
        self._next = 0

    def write(self, block):
        """Write what a block inflates to; the one before, sent again, is not written twice.

        Raises: RomError.
        """
        if block.sequence + 1 == self._next:
            return
        if block.sequence != self._next:
            raise RomError(packets.FAILED_TO_ACT)
        try:
            content = self._stream.decompress(block.content)
        except zlib.error:
            raise RomError(packets.INFLATE_FAILED) from None
        self._program(self._offset, content)
        self._offset += len(content)
        self._next += 1
