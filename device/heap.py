"""Lets the heap of an ESP32 grow once, by a step of our choosing, so that TLS keeps its share.

ESP32 starts with a heap of 64 kB and, when that is full, adds as much again from the memory that
WiFi and TLS live on (py/gc.c, gc_try_add_heap), or all of the largest block if that is less. What
would be left then bears one TLS session and hardly any WiFi. While a thread's stack occupies the
rest of the largest block, the heap grows by what we leave it.
"""

import _thread
import gc
import sys

from esp32 import HEAP_DATA, idf_heap_info
from micropython import const

_STEP = const(36864)  # 64 + 36 kB of heap bear an update; 58 kB are left for two TLS sessions
_ROOM = const(16384)  # a largest block this much over the step is worth the trouble
_PLENTY = const(262144)  # external RAM: nothing to share out
_BIT = const(512)
_BITS = const(160)  # more than the first heap holds


def largest():
    """Largest free block outside of the Python heap, bytes."""
    return max(region[2] for region in idf_heap_info(HEAP_DATA))


def share(wifi, log):
    """Switch WiFi on, then grow, on a chip; what `grow` returns."""
    if sys.platform != "esp32":
        return None  # the heap of a virtual board does not grow
    wifi.switch_on()
    try:
        return grow()
    except (OSError, RuntimeError, MemoryError, ValueError) as e:  # then it grows as it likes
        log("heap", repr(e))
        return None


def grow():
    """Grow now. Returns what keeps the new part from being handed back, or None where all stays.

    WiFi must be on: what it takes is gone from the block.
    """
    free = largest()
    if not _STEP + _ROOM < free < _PLENTY:
        return None
    gate = _thread.allocate_lock()
    gate.acquire()
    _thread.stack_size(free - _STEP)
    try:
        _thread.start_new_thread(gate.acquire, ())
    finally:
        _thread.stack_size(0)
    try:
        return _fill(largest())
    finally:
        gate.release()  # the thread ends, and its stack is free again


def _fill(free):
    """Allocate until the heap takes from the block; the bit that lies in the new part."""
    gc.collect()
    bits = []
    for _ in range(_BITS):
        bits.append(bytearray(_BIT))
        if largest() < free // 2:
            return bits[-1]
    return None
