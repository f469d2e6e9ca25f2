"""os on a virtual board: the interpreter's, without the computer's, and with uname."""

from uos import (
    VfsFat,
    VfsLfs2,
    chdir,
    getcwd,
    mkdir,
    mount,
    remove,
    rename,
    rmdir,
    stat,
    statvfs,
    umount,
    unlink,
    urandom,
)
import sys
import uos
from collections import namedtuple

import _board

_Uname = namedtuple("uname", ("sysname", "nodename", "release", "version", "machine"))


# Mounts through which these stand-ins are found; a board has none such
_HIDDEN = (".board", ".lib")


def ilistdir(path=""):
    for entry in uos.ilistdir(path):
        if entry[0] not in _HIDDEN:
            yield entry


def listdir(path=""):
    return [name for name in uos.listdir(path) if name not in _HIDDEN]


def uname():
    release = ".".join(str(n) for n in sys.implementation.version[:3])
    name = _board.facts["model"].replace("_", " ").replace("GENERIC", "module")
    machine = "Generic " + name + " (virtual) with ESP32"
    return _Uname("esp32", "esp32", release, sys.version.split("; ")[-1], machine)


def sync():
    pass


def dupterm(stream=None, index=0):
    return None
