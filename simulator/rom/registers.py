"""The registers of a chip as its ROM reads and writes them for a computer: words by address, with
the flash behind those of the SPI controller.
"""

MAGIC_ADDRESS = 0x40001000
_BAUD = 115200  # the ROM measures the computer's, which begins with this one
_USER_COMMAND = 1 << 18
_READ_ID = 0x9F
_WINBOND, _SERIES = 0xEF, 0x40


class Registers:
    """Of one start in download mode: what was written is lost with it."""

    def __init__(self, chip, mac, is_encrypted, flash_bytes):
        self._chip = chip
        self._flash_bytes = flash_bytes
        self._words = {MAGIC_ADDRESS: chip.magic, **chip.fuses(mac, is_encrypted)}
        self.set_baud(_BAUD)

    def read(self, address):
        """The word at an address; 0 where nothing was ever put."""
        return self._words.get(address, 0)

    def write(self, address, value, mask):
        """Change the bits of the mask."""
        self._words[address] = self.read(address) & ~mask | value & mask
        if address == self._chip.spi.command and self.read(address) & _USER_COMMAND:
            self._ask_flash()

    def set_baud(self, baud):
        """Divide the clock for this rate."""
        self._words[self._chip.divider] = round(self._chip.clock_hz / baud) if baud else 0

    def _ask_flash(self):
        """Send the flash the command that was prepared: done at once."""
        spi = self._chip.spi
        is_id = self.read(spi.request) & 0xFF == _READ_ID
        # Any other command finds a flash that says nothing: the lines stay high.
        self._words[spi.data] = _identity(self._flash_bytes) if is_id else 0xFFFFFFFF
        self._words[spi.command] = 0


def _identity(flash_bytes):
    """What a flash of this size answers: maker, series, and the logarithm of its size."""
    return _WINBOND | _SERIES << 8 | (flash_bytes.bit_length() - 1) << 16
