"""ds18x20 on a virtual board: the temperature is the board's `sensors["temperature_c"]`."""

import _board


class DS18X20:
    """Thermometers of the families DS18S20, DS1822, DS18B20."""

    def __init__(self, onewire):
        self.ow = onewire

    def scan(self):
        return [rom for rom in self.ow.scan() if rom[0] in (0x10, 0x22, 0x28)]

    def convert_temp(self):
        self.ow.reset(True)

    def read_scratch(self, rom):
        raw = int(self.read_temp(rom) * 16) & 0xFFFF
        memory = bytearray([raw & 0xFF, raw >> 8, 0x4B, 0x46, 0x7F, 0xFF, 0x0C, 0x10, 0])
        memory[8] = self.ow.crc8(memory[:8])
        return memory

    def write_scratch(self, rom, buf):
        self.ow.reset(True)

    def read_temp(self, rom):
        return int(_board.call("sensor", "temperature_c") * 16) / 16
