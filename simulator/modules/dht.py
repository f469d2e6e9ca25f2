"""dht on a virtual board: temperature and humidity are the board's `sensors`."""

import _board


class DHTBase:
    """Values are those of the last `measure`."""

    def __init__(self, pin):
        self.pin = pin
        self._humidity = self._temperature = 0

    def measure(self):
        self._temperature = _board.call("sensor", "temperature_c")
        self._humidity = _board.call("sensor", "humidity_percent")


class DHT11(DHTBase):
    """Whole numbers."""

    def humidity(self):
        return int(self._humidity)

    def temperature(self):
        return int(self._temperature)


class DHT22(DHTBase):
    """Tenths."""

    def humidity(self):
        return int(self._humidity * 10) / 10

    def temperature(self):
        return int(self._temperature * 10) / 10
