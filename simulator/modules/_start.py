"""What the interpreter runs first: becomes a board, then does what an ESP32 does from _boot.py to
the prompt.
"""


def _become_a_board():
    import gc
    import sys
    import vfs

    here = __file__.rsplit("/", 1)[0]
    control, lib, sim = sys.argv[1:4]
    sys.argv[:] = []
    sys.path[:] = ["", ".frozen", "/lib"]
    hidden = [("/.lib", lib), ("/.sim", sim), ("/.board", here)]
    for place, folder in hidden:
        if folder:
            vfs.mount(vfs.VfsPosix(folder), place, readonly=True)
            sys.path.append(place)

    import _board

    _board.begin(control)
    import _flash

    _flash.begin(_board.facts["flash"])
    import _certificates
    # The firmware has these loaded, and so they cost an application nothing.
    import esp32, machine, network, os, socket, time

    sys.modules["tls"] = _certificates
    vfs.umount("/")
    gc.collect()
    return _board.facts["raw"]


def _mount():
    import gc
    import _filesystem

    _filesystem.mount()
    gc.collect()


def _run_scripts(raw):
    """boot.py, and main.py unless that raised."""
    import os, _board

    _board.call("started")
    if "boot.py" in os.listdir():
        execfile("boot.py")
    while _board.facts["hangs"]:
        pass
    if not raw and "main.py" in os.listdir():
        execfile("main.py")


def _show(error):
    """The traceback without the lines that are the stand-ins'."""
    import io
    import sys

    text = io.StringIO()
    sys.print_exception(error, text)
    lines = text.getvalue().split("\n")
    ours = ("_start.py", "_filesystem.py")
    print("\n".join(line for line in lines if not any(name in line for name in ours)), end="")


_is_raw = _become_a_board()
try:
    _mount()
    _run_scripts(_is_raw)
except SystemExit:
    __import__("_board").end("soft_reset")
except BaseException as _error:
    _show(_error)
del _become_a_board, _mount, _run_scripts, _show, _is_raw
print("\x1b_repl\x1b\\", end="")
