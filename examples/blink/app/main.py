"""Blinks an LED, and tells the host each minute how often it did."""

import asyncio

from machine import Pin

_TELL_MS = 60000


async def main(board):
    """Blink until the board is reset; the LED is off afterwards."""
    led = Pin(board.config.get("pin", 2), Pin.OUT)
    period_ms = board.config.get("period_ms", 500)
    board.log("blinking every", period_ms, "ms")
    blinks = elapsed_ms = 0
    try:
        while True:
            led.value(blinks & 1)
            blinks += 1
            await asyncio.sleep_ms(period_ms)
            elapsed_ms += period_ms
            if elapsed_ms >= _TELL_MS:
                board.publish("blinks", {"count": blinks})
                elapsed_ms = 0
    finally:
        led.value(0)
