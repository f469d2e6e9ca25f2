"""Keeps a room warm: reads a TMP36, switches a relay, publishes both, leaves the heater off."""

import asyncio

from app.control import celsius, heat
from machine import ADC, Pin

_BAD_READINGS = 6  # in a row: then the sensor is not to be trusted

bad = 0  # readings in a row that failed


def health():
    """Whether the sensor answers: a release that cannot read it goes back."""
    return bad < _BAD_READINGS


async def main(board):
    """Control the heater until the board is reset."""
    global bad
    settings = board.config
    sensor = ADC(Pin(settings.get("sensor_pin", 34)), atten=ADC.ATTN_11DB)
    relay = Pin(settings.get("relay_pin", 5), Pin.OUT, value=0)
    wanted = settings.get("celsius", 20.0)
    try:
        while True:
            degrees = celsius(sensor.read_uv())
            bad = bad + 1 if degrees is None else 0
            relay.value(heat(relay.value(), degrees, wanted))
            board.publish("room", {"celsius": degrees, "heating": bool(relay.value())})
            await asyncio.sleep(settings.get("period_s", 10))
    finally:
        relay.value(0)  # also when cancelled before a reset
