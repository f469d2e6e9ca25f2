"""What the interpreter runs first: becomes a board, then does what an ESP32 does from _boot.py to the prompt."""


def _become_a_board():
    import gc
    import sys
    import vfs

    here = __file__.rsplit("/", 1)[0]
    control, lib = sys.argv[1], sys.argv[2]
    sys.argv[:] = []
    sys.path[:] = ["", ".frozen", "/lib"]
    hidden = [("/.lib", lib), ("/.board", here)]
    for place, folder in hidden:
        if folder:
            vfs.mount(vfs.VfsPosix(folder), place, readonly=True)
            sys.path.append(place)

    import _board

    _board.begin(control)
    import esp32

    esp32.open_flash(_board.facts["flash"])
    import _certificates
    import machine, network, os, socket, time  # the firmware has them loaded, and so they cost an application nothing

    sys.modules["tls"] = _certificates
    vfs.umount("/")
    gc.collect()
    return _board.facts["raw"]


def _mount():
    import gc
    import _filesystem

    _filesystem.mount()
    gc.collect()


def _run(path):
    """Run a file if there is one: 1 if it ran to its end (or is not there), 0 if it raised."""
    import os
    import sys

    try:
        os.stat(path)
    except OSError:
        return 1
    try:
        execfile(path)
    except SystemExit:
        import machine

        machine.soft_reset()
    except BaseException as error:
        import io

        text = io.StringIO()
        sys.print_exception(error, text)
        lines = text.getvalue().split("\n")
        # without the lines that are this file's
        print("\n".join(line for line in lines if "_start.py" not in line), end="")
        return 0
    return 1


_is_raw = _become_a_board()
_mount()
__import__("_board").call("started")
if _run("boot.py") and not _is_raw:
    _run("main.py")
del _become_a_board, _mount, _run, _is_raw
print("\x1b_repl\x1b\\", end="")
