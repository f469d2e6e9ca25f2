"""Choose the app slot to run, put it first on sys.path (DESIGN and SPEC, section 3).

Self-contained, for nothing of ours may be loaded before the choice; never raises, for ESP32 would
skip main.py. Without a choice sys.path stays as it is, and main.py finds the golden runtime.
"""

import os
import struct
import sys
from binascii import crc32

import machine
from micropython import const

_POWER_ON = const(1)
_WATCHDOG = const(3)
_DEEP_SLEEP = const(4)
_SOFT = const(5)
_CRASHES = const(5)  # of the active slot: then golden
_STARTS = const(2)  # what a client sets for a trial
_ACTIVATIONS = const(3)
_TRIES = const(3)
_SPARED = const(10)  # power-ons that are not charged to a trial
_WAKES = const(5)  # good ones, that clear the crashes
_FEEDING_S = const(600)  # after a soft reset a person may be at work

FORMAT = "<4sI1s1s8BH8s16s8s16s24sI4sI"
NAMES = (  # noqa: SIM905 - half the bytes of a list
    "magic sequence active trial committing starts activations tries crashes spared wakes rounds "
    "watchdog_s label elf trial_label trial_elf reason number zero crc"
).split()

ROWS = (
    # facts needed: the first row decides   then          counted in
    ("trial expected committing crashed", "golden", None),
    ("trial expected committing", "trial", None),
    ("trial expected soft", "trial", None),
    ("trial expected countable starts", "trial", "starts"),
    ("trial expected countable", "fail", None),
    ("active crashed", "golden", None),
    ("active crash uncountable", "golden", None),
    ("active", "active", None),
    ("soft", "golden", None),
    ("countable tries", "bring back", "tries"),
    ("", "mismatch", None),
)


def fits(r, prefix, running):
    """Whether the recorded firmware runs; without OTA partitions there is only one."""
    label = r[prefix + "label"].rstrip(b"\0")
    return running is None or not label or running == (label, r[prefix + "elf"])


def facts(r, running, *more):
    """Words for what is so at this start."""
    words = (
        ("trial", r["trial"] != b"-"),
        ("expected", fits(r, "trial_", running)),
        ("active", fits(r, "", running)),
        ("committing", r["committing"]),
        ("starts", r["starts"]),
        ("tries", r["tries"]),
        ("crashed", r["crashes"] >= _CRASHES),
    )
    return {word for word, is_so in words if is_so}.union(more)


def spare(r, known):
    """A start or activation that ended by power-on is given back, a few times."""
    started = r["starts"] < _STARTS
    activated = "expected" not in known and r["activations"] < _ACTIVATIONS
    if r["spared"] < _SPARED and (started or activated):
        r["starts"] += started
        r["activations"] += activated
        r["spared"] += 1
    elif started:
        r["reason"] = b"interrupted"


def book(r, known, cause):
    """Change the record by how the last run ended."""
    if cause == _POWER_ON:
        if "trial" in known:
            spare(r, known)
        if "crashed" in known:
            r["crashes"] = _CRASHES - 1  # active is tried once more
    elif "trial" in known and "committing" not in known and cause == _WATCHDOG:
        # also where the bootloader went back
        r["reason"] = b"watchdog" if r["starts"] < _STARTS else r["reason"]
    elif {"trial", "expected"} <= known and "committing" not in known:
        # An announced reset repeats an activation: what ended the start before it still counts.
        r["reason"] = r["reason"] if "announced" in known else b""
    elif cause == _DEEP_SLEEP and r["crashes"]:
        r["wakes"] = (r["wakes"] + 1) % _WAKES
        r["crashes"] *= r["wakes"] > 0
    elif "crash" in known:
        r["crashes"] += 1
        r["wakes"] = 0
        r["reason"] = b"crashes" if r["crashes"] == _CRASHES else r["reason"]


def is_crash(known, cause, announced):
    """Whether what is active ended in a watchdog reset or a hard one that nobody announced."""
    if announced or cause in (_POWER_ON, _DEEP_SLEEP, _SOFT) or "crashed" in known:
        return False
    return "active" in known if "trial" not in known else {"expected", "committing"} <= known


def choose(known):
    """The first row whose facts are all known: the last one needs none."""
    return next(row for row in ROWS if known.issuperset(row[0].split()))


def decide(record, running, cause, announced, countable=True):
    """What to run (active, trial, golden, mismatch) or do (bring back); the record to keep first.

    `running` is the firmware's (label, hash), None without OTA partitions; `announced` says that
    the last reset was ours or came in a blocking call of ours. A start that is not `countable` is
    not taken, and the record stays as it is.
    """
    r = dict(record)
    more = ["countable" if countable else "uncountable"] + ["announced"] * bool(announced)
    if cause == _SOFT:
        return choose(facts(r, running, "soft"))[1], r
    if is_crash(facts(r, running), cause, announced):
        more.append("crash")
    if countable:
        book(r, facts(r, running, *more), cause)
    action, counter = choose(facts(r, running, *more))[1:]
    if action == "fail":
        r["trial"] = b"-"
        r["reason"] = r["reason"].rstrip(b"\0") or b"not-committed"
        action, counter = choose(facts(r, running, *more))[1:]
    if counter:
        r[counter] -= 1
    if action == "active" and countable:
        r["tries"] = _TRIES
    if action == "mismatch" and countable:
        r["reason"] = b"firmware-mismatch"
    r["reason"] = (r["reason"] + bytes(24))[:24]
    return action, r


def newest():
    """The valid record with the higher sequence, or None."""
    best = None
    for name in ("/state/boot0", "/state/boot1"):
        try:
            with open(name, "rb") as f:
                data = f.read(104)
        except OSError:
            continue
        if data[:4] == b"MPB1" and data[100:] == struct.pack("<I", crc32(data[:100])):
            r = dict(zip(NAMES, struct.unpack(FORMAT, data)))
            if not best or r["sequence"] > best["sequence"]:
                best = r
    return best


def keep(r):
    """Write the record over the older copy: a torn write costs nothing. False without room."""
    r["sequence"] += 1
    data = struct.pack(FORMAT, *[r[name] for name in NAMES])[:100]
    try:
        with open("/state/boot%d" % (r["sequence"] & 1), "wb") as f:
            f.write(data + struct.pack("<I", crc32(data)))
        return True
    except OSError:
        return False


def identify(partition):
    """Label and image hash of an app partition."""
    elf = bytearray(16)
    partition.readblocks(0, elf, 176)  # app_elf_sha256 in the app descriptor
    return partition.info()[4].encode(), bytes(elf)


def firmware():
    """What runs as (label, hash), or None without OTA partitions."""
    from esp32 import Partition

    running = identify(Partition(Partition.RUNNING))  # type: ignore[arg-type]
    return running if running[0].startswith(b"ota_") else None


def bring_back(r):
    """Boot the active slot's firmware again; returns if refused."""
    from esp32 import Partition

    for p in Partition.find(Partition.TYPE_APP):
        if fits(r, "", identify(p)):
            p.set_boot()  # raises where the image is damaged
            machine.RTC().memory(b"MPFR\1")  # announced
            machine.reset()


def mark_valid():
    """Tell the bootloader that this firmware may stay, if it does not know."""
    from esp32 import Partition

    try:
        Partition.mark_app_valid_cancel_rollback()
    except OSError:  # otadata is blank, or all ABORTED: nothing would lead back here
        Partition(Partition.RUNNING).set_boot()  # type: ignore[arg-type]
        Partition.mark_app_valid_cancel_rollback()


def was_announced():
    """Whether the last reset was ours; says so once."""
    memory = machine.RTC().memory()
    if memory[:4] != b"MPFR" or not any(memory[4:5]):
        return False
    machine.RTC().memory(b"MPFR\0" + memory[5:])
    return True


def guard(r, cause):
    """Arm the watchdog; after a soft reset, where main.py may not run, feed it a while."""
    watchdog = machine.WDT(timeout=r["watchdog_s"] * 1000)
    period_ms = min(5000, r["watchdog_s"] * 250)
    left = _FEEDING_S * 1000 // period_ms

    def feed(timer):
        nonlocal left
        left -= 1
        if left < 0:
            timer.deinit()
        else:
            watchdog.feed()

    if cause == _SOFT:
        machine.Timer(0).init(period=period_ms, callback=feed)


def attempt(what, *args):
    """Result of a step; None where it fails: main.py must run."""
    try:
        return what(*args)
    except Exception as e:
        print("mpfleet boot:", repr(e))
        return None


def run(slot):
    """Put a slot first on sys.path; False where it holds no runtime."""
    if slot == "/slots/-" or not attempt(os.stat, slot + "/device"):
        return False
    sys.path[:0] = [slot, slot + "/lib"]
    return True


def start():
    """Read, decide, write, act."""
    r = newest()
    if not r:
        return
    cause = machine.reset_cause()
    running = attempt(firmware)
    announced = attempt(was_announced)
    action, after = decide(r, running, cause, announced)
    if after != r and not keep(after):
        action, after = decide(r, running, cause, announced, False)
    if action == "bring back":
        attempt(bring_back, after)
        after["reason"] = (b"firmware-mismatch" + bytes(24))[:24]
        keep(after)
    if running and fits(after, "", running) and action != "trial" and cause != _SOFT:
        attempt(mark_valid)
    is_guarded = run("/slots/" + after.get(action, b"-").decode()) or cause == _SOFT
    if is_guarded and after["watchdog_s"]:
        guard(after, cause)


if __name__ == "__main__":
    from micropython import kbd_intr

    kbd_intr(-1)  # Ctrl-C, or Improv's 3, skips main.py
    attempt(start)
    for name in [name for name in globals() if name[0] != "_"]:
        del globals()[name]  # main.py shares them: some kB of heap
