"""Runs in a process of its own: becomes the MicroPython interpreter of the wheel, with a safe way
to interrupt it.

Usage: launcher.py LIBRARY ARGUMENTS…

The interpreter answers SIGINT by jumping out of whatever it was doing, also out of its allocator,
which then never works again. So Ctrl-C arrives as SIGUSR1, bound to the function that a
microcontroller's serial interrupt calls: it only takes a note, and the interpreter raises
KeyboardInterrupt where that is safe. SIGUSR2 does nothing but end a wait in the kernel, after
which such notes (and functions scheduled by another thread) are looked at; it must not come while
the interpreter waits for its own threads, as it does to collect garbage (see `chip.poke`).
"""

import ctypes
import importlib.machinery
import importlib.util
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(library, *arguments):
    """Load the interpreter and run it; does not return before it ends."""
    loader = importlib.machinery.ExtensionFileLoader("micropython_run", library)
    spec = importlib.util.spec_from_loader("micropython_run", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    libc = ctypes.CDLL(None)
    if sys.platform == "linux":
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # no chip outlives its board
    libc.signal.argtypes = (ctypes.c_int, ctypes.c_void_p)
    libc.signal.restype = ctypes.c_void_p
    interrupt = ctypes.cast(ctypes.CDLL(library).mp_sched_keyboard_interrupt, ctypes.c_void_p)
    libc.signal(signal.SIGUSR1, interrupt)  # restarts what it interrupts
    signal.signal(signal.SIGUSR2, lambda *_: None)
    return module.run_main(["micropython", *arguments])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
