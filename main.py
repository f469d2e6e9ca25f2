"""Start the runtime, or provisioning where a board has no network yet.

A start that fails leaves its traceback and resets, and boot.py counts it.
"""

import os
import sys
import time

import micropython


def keep_traceback(e):
    """Write the end of a traceback where the next start finds it."""
    import io

    out = io.StringIO()
    sys.print_exception(e, out)
    print(out.getvalue())
    try:
        with open("/state/traceback", "w") as f:
            f.write(out.getvalue()[-2000:])
    except OSError:  # a full flash: the console has it
        pass


def wish():
    """What the last run wished this start to be (SPEC section 3); is told once."""
    import machine

    memory = machine.RTC().memory()
    if memory[:4] != b"MPFR" or memory[5:6] not in (b"\2", b"\3"):
        return 0
    machine.RTC().memory(memory[:5] + b"\0" + memory[6:])
    return memory[5]


def load(name):
    """Value of a state file; None where there is none, or garbage."""
    import json

    try:
        with open("/state/" + name) as f:
            return json.load(f)
    except (OSError, ValueError, RuntimeError):
        return None


def is_stranded():
    """Whether this board is new and knows no network, and may be given one (SPEC section 16).

    Asked here, for an Improv client may be asking already: its 3 is Ctrl-C to all that runs.
    """
    import esp32

    nvs = esp32.NVS("mpfleet")
    try:
        nvs.get_blob("host", bytearray(1024))  # deploy was here
    except OSError:
        return False
    try:
        opened = nvs.get_i32("opened")
    except OSError:
        opened = 0
    mode = (load("config.json") or {}).get("provisioning")
    return opened >= 0 and mode != "off" and not load("wifi.json")


def has_provisioning():
    """Whether the golden copy has it: one that came here earlier has not."""
    try:
        return bool(os.stat("/device/provisioning"))
    except OSError:
        return False


def provision():
    """Whether that is what runs, until a reset or Ctrl-C; only the golden copy has it."""
    wished = wish()
    if not has_provisioning() or not (wished or is_stranded()):
        return False
    sys.path[:] = [p for p in sys.path if not p.startswith("/slots/")]
    from device.provisioning.mode import main

    main(wished)
    return True


def run():
    """Import late: a runtime that cannot even be imported is a start that failed, too."""
    micropython.kbd_intr(-1)
    if provision():
        return
    micropython.kbd_intr(3)  # Ctrl-C
    for name in ("wish", "load", "is_stranded", "has_provisioning", "provision"):
        del globals()[name]  # nobody asks again, and they are a kilobyte of heap
    from device.start import grow

    part = grow()  # noqa: F841 - of the heap: it lives as long as this frame
    del grow  # and so would its module
    from device.run import main

    main()


try:
    run()
except KeyboardInterrupt:  # a person or mpremote at the serial port: the prompt is theirs
    print("mpfleet: stopped")
except BaseException as e:
    micropython.kbd_intr(3)
    keep_traceback(e)
    # time to read it, and to press Ctrl-C: a board that resets at once cannot be repaired over USB
    time.sleep(3)
    import machine

    machine.reset()
