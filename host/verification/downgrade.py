"""Firmware that a board would not come back from. Pure."""

import re

# From this MicroPython on; what an older one then does. The partition table that comes with 1.26
# names no file system, which 1.26 adds as it starts. A board set up with an older one has a table
# that does, and could go back; the host does not know which a board has.
_BARRIERS = (((1, 26), "finds no file system on a board that was set up with 1.26 or newer"),)
_SYS_VERSION = re.compile(rb"; MicroPython (v?\d+\.\d+[^ \0]{0,24}) on \d{4}-")
_NUMBERS = re.compile(r"v?(\d+)\.(\d+)")


def version(content, described):
    """The MicroPython in an image, as a board that runs it says, "" where none is found.

    Stock builds leave the version in their descriptor empty: `sys.version` is what they have.
    """
    said = _SYS_VERSION.search(content)
    if said:
        return said[1].decode("ascii", "replace")
    return described.version if described.project == "micropython" else ""


def why(images, model, runs):
    """Why a board is lost with a release's images by model, or None; nobody knows: None.

    `runs` is the MicroPython of the board. One of an unknown model could be given any of them.
    """
    found = [one for name, one in images.items() if model in (None, name)]
    return next(filter(None, (_why(runs, one.get("micropython")) for one in found)), None)


def _why(runs, brings):
    newer, older = _numbers(runs), _numbers(brings)
    if newer and older:
        for first, consequence in _BARRIERS:
            if older < first <= newer:
                return f"{brings} {consequence}"
    return None


def _numbers(text):
    found = _NUMBERS.match(text or "")
    return found and tuple(map(int, found.groups()))
