"""Start the runtime; a start that fails leaves its traceback and resets, and boot.py counts it."""

import sys
import time


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


def run():
    """Import late: a runtime that cannot even be imported is a start that failed, too."""
    wished = wish()
    if wished:  # provisioning, which only the golden runtime has
        sys.path[:] = [p for p in sys.path if not p.startswith("/slots/")]
        from device.provisioning.mode import main as provision

        provision(wished)
        return
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
    keep_traceback(e)
    # time to read it, and to press Ctrl-C: a board that resets at once cannot be repaired over USB
    time.sleep(3)
    import machine

    machine.reset()
