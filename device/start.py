"""What is done once, as the runtime starts: tell how the last run ended, let the heap grow.

ESP32 starts with a heap of 64 kB and, when that is full, adds as much again from the memory that
WiFi and TLS live on (py/gc.c, gc_try_add_heap), or all of the largest block if that is less. What
would be left then bears one TLS session and hardly any WiFi. While a thread's stack occupies the
rest of the largest block, the heap grows by what we leave it: once, by a step of our choosing.
"""

import _thread
import gc
import sys

from micropython import const

_CRASHES = const(5)  # of the active slot, counted by boot.py: then golden runs
_RETRY_S = const(3600)  # golden's first wait; doubled each time
_DOUBLINGS_MAX = const(5)  # a day and a bit
_WATCHDOG = const(3)  # machine.reset_cause()
_TRACEBACK = "traceback"
_STEP = const(36864)  # 64 + 36 kB of heap bear an update; 58 kB are left for two TLS sessions
_ROOM = const(16384)  # a largest block this much over the step is worth the trouble
_PLENTY = const(262144)  # external RAM: nothing to share out
_BIT = const(512)
_BITS = const(160)  # more than the first heap holds


def tell(record, reports, store, log, cause):
    """Report how the last run ended. A trial's end, and its traceback, are left to the update."""
    if record.mode == "trial" or record.number:
        return
    traceback = store.read(_TRACEBACK)
    reason = reason_of(record, traceback, cause)
    if reason:
        detail = "crash %d of %d" % (record.crashes, _CRASHES)
        if record.mode == "golden":
            detail = "the golden runtime runs"
        log("recovery", reason, detail)
        more = {"traceback": traceback.decode()} if traceback else {}
        reports.add("boot", reason=reason, detail=detail, **more)
    store.remove(_TRACEBACK)


def reason_of(record, traceback, cause):
    """The word for how the last run ended; None where it ended well."""
    if record.mode == "golden":
        return None if record.active == "-" else record.reason or "crashes"
    if traceback:
        return "start-failed"
    return "watchdog" if cause == _WATCHDOG else None


def retry_s(rounds):
    """Seconds that golden waits before it tries the active slot again, after so many times."""
    return _RETRY_S << min(rounds, _DOUBLINGS_MAX)


def largest():
    """Largest free block outside of the Python heap, bytes."""
    from esp32 import HEAP_DATA, idf_heap_info

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
