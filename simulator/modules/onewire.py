"""onewire on a virtual board: one DS18B20 hangs on whatever pin is asked."""

_ROM = b"\x28\xff\x4c\x60\x91\x16\x04"


class OneWireError(Exception):
    """Nobody on the wire."""


class OneWire:
    """A wire with one thermometer, whose memory ds18x20 reads without the bits in between."""

    SEARCH_ROM = 0xF0
    MATCH_ROM = 0x55
    SKIP_ROM = 0xCC

    def __init__(self, pin):
        self.pin = pin

    def reset(self, required=False):
        return True

    def scan(self):
        return [bytearray(_ROM + bytes([self.crc8(_ROM)]))]

    def readbit(self):
        return 1

    def readbyte(self):
        return 0xFF

    def readinto(self, buf):
        buf[:] = b"\xff" * len(buf)

    def writebit(self, value):
        pass

    def writebyte(self, value):
        pass

    def write(self, buf):
        pass

    def select_rom(self, rom):
        self.reset()

    def crc8(self, data):
        crc = 0
        for byte in data:
            for _ in range(8):
                crc = crc >> 1 ^ (0x8C if (crc ^ byte) & 1 else 0)
                byte >>= 1
        return crc
