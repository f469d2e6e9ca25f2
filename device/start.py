"""What is done once in a run: let the heap grow, build the parts, tell how the last run ended.

ESP32 starts with a heap of 56 kB and, when that has no room, adds as much again from the memory
that WiFi and TLS live on (py/gc.c, gc_try_add_heap), or all of the largest block if that is less.
They do not fail then, they stall. So the heap grows once, by a step of our choosing, before
anything is loaded into it: a thread's stack occupies the rest of the block meanwhile.
"""

import _thread
import gc
import json
import os
import sys
import time

import machine
from micropython import const

_CRASHES = const(5)  # of the active slot, counted by boot.py: then golden runs
_RETRY_S = const(3600)  # golden's first wait; doubled each time
_DOUBLINGS_MAX = const(5)  # a day and a bit
_WATCHDOG = const(3)  # machine.reset_cause()
_TRACEBACK = "traceback"
_TICK_MS = const(5000)
_PERSON_MS = const(600000)
_STEP = const(53248)  # 56 + 54 kB of heap bear an update
_ROOM = const(32768)  # for TLS and the buffers of data on their way
_PLENTY = const(262144)  # external RAM: nothing to share out
_YIELD_MS = const(20)  # a thread gets no turn before this one sleeps
# Collected so often, garbage stays in one place: a heap in pieces would grow over everything.
_COLLECT = const(16384)
_COLLECT_ALONE = const(4096)  # in update mode, where 13 kB are free and time is not the app's
_BIT = const(512)
_BITS = const(160)  # more than the first heap holds


def assemble(r, host, cas):
    """Build every part of runtime `r`, and hand each its collaborators.

    Loaded late: the heap must have grown by then.
    """
    from device.checkin import Checkin, NoLink, Talks
    from device.clock import Clock
    from device.connection import Host
    from device.identity import Identity
    from device.log import Log
    from device.power import Power
    from device.report import Reports
    from device.store import Config, Nvs, Store
    from device.update.record import BootRecord
    from device.wifi import Wifi

    r.log = log = Log()
    r.store, r.nvs, r.record = Store(), Nvs(), BootRecord()
    r.config = Config(r.store)
    r.power = Power(r.record.watchdog_s, log)
    if r.record.mode != "active":
        r.power.is_alone = False  # golden runs no application, and a trial must
    r.identity = Identity(r.nvs, r.config)
    r.clock = Clock(r.nvs, r.config, log, r.power)
    r.number = running_number(r.record.slot)
    is_trial = r.record.mode == "trial"
    committed = running_number(r.record.active) if is_trial else r.number
    r.reports = Reports(r.store, r.clock, log, committed)
    r.wifi = Wifi(r.store, r.config.hostname or "mpfleet-" + r.identity.id[-6:], log)
    r.host = Host(host, cas, r.power)
    r.link = NoLink()
    if r.mode == "update":
        gc.threshold(_COLLECT_ALONE)
    else:
        _connect(r)
    if r.mode not in ("update", "golden"):
        _employ(r)
    r.talks = Talks(r)
    r.checkin = Checkin(r.wifi, r.clock, r.talks, r.link, r.power, r.config, log)
    r.can_provision = can_provision(r.config)


def _connect(r):
    from device.link import Link
    from device.pipe import Pipe

    pipe = Pipe(r.host, r.log)
    r.link = Link(r.host, pipe, r.identity, r.log, r.power, r.hear, r.status)
    r.power.before_reset = [r.say_goodbye]


def _employ(r):
    from device.application import Application, Board

    r.application = app = Application(r.log, r.report_app, r.power.watchdog_s)
    r.board = Board(r.config.app, r.identity, r.log, r.link, app, r.power)
    r.power.is_silent = app.is_silent
    r.power.before_reset = [app.stop, r.say_goodbye]
    r.power.before_sleep = [r.settle]


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


def can_provision(config):
    """Whether there is provisioning to make way for: the golden copy has it, nobody forbade it."""
    try:
        os.stat("/device/provisioning")
    except OSError:
        return False
    return config.provisioning != "off"


def running_number(slot):
    """Number of the release in a slot; 0 for golden or one that cannot be read."""
    try:
        with open("/slots/" + slot + "/release.json", "rb") as f:
            return json.load(f)["number"]
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def feed_for_a_person(power):
    """Keep the watchdog quiet for ten minutes, at the prompt: it cannot be stopped, but fed."""
    left = _PERSON_MS // _TICK_MS

    def tick(timer):
        nonlocal left
        left -= 1
        if left > 0:
            power.feed()
        else:
            timer.deinit()

    machine.Timer(0).init(period=_TICK_MS, callback=tick)


def largest():
    """Largest free block outside of the Python heap, bytes."""
    from esp32 import HEAP_DATA, idf_heap_info

    return max(region[2] for region in idf_heap_info(HEAP_DATA))


def grow():
    """Have the heap grow now. Returns what keeps the new part from being handed back.

    None where it stays as it is: where it does not grow, or there is nothing to share out.
    """
    gc.threshold(_COLLECT)
    if sys.platform != "esp32":
        return None  # the heap of a virtual board has its size
    free = largest()
    if not _STEP + _ROOM <= free < _PLENTY:
        return None
    try:
        return _grow(free - _STEP)
    except (OSError, RuntimeError, MemoryError) as e:  # then it grows as it likes
        print("mpfleet heap:", repr(e))
        return None


def _grow(stack):
    gate = _thread.allocate_lock()
    gate.acquire()
    _thread.stack_size(stack)
    try:
        _thread.start_new_thread(gate.acquire, ())
    finally:
        _thread.stack_size(0)
    try:
        return _fill(largest())
    finally:
        gate.release()  # the thread ends, and its stack is free again
        time.sleep_ms(_YIELD_MS)


def _fill(free):
    """Allocate until the heap takes from the block; the bit that lies in the new part."""
    gc.collect()
    bits = []
    for _ in range(_BITS):
        bits.append(bytearray(_BIT))
        if largest() < free // 2:
            return bits[-1]
    return None
