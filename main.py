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


def run():
    """Import late: a runtime that cannot even be imported is a start that failed, too."""
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
