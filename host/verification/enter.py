"""Becomes what a release may be run by: limited, without rights, and then the program named.

Run by the interpreter alone (`python -I -S enter.py JSON`), last before the release's code. The
JSON: `argv`, `uid` (null: stay who you are), `limits` (of setrlimit, by name), and `world` where
nobody made one before: `scratch` (a folder, and bytes for it), `hidden` folders and the `decoy` in
their place; else null.
"""

import ctypes
import errno
import fcntl
import json
import os
import resource
import signal
import socket
import struct
import sys

_NEWNS, _NEWUTS, _NEWIPC, _NEWPID, _NEWNET = 0x20000, 0x4000000, 0x8000000, 0x20000000, 0x40000000
_NOSUID, _NODEV, _BIND, _REC, _PRIVATE = 2, 4, 0x1000, 0x4000, 1 << 18
_SYS_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE = 442, -100, 0x8000
_RDONLY, _NOSUID_ATTRIBUTE = 1, 2
_SET_PDEATHSIG, _SET_NO_NEW_PRIVS = 1, 38
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1

_libc = ctypes.CDLL(None, use_errno=True)


def main(given):
    """Enter, and become the program."""
    if given["world"] is not None:
        _make_world(given["world"])
    for name, most in given["limits"].items():
        resource.setrlimit(getattr(resource, name), (most, most))
    uid = given["uid"]
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    _libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    os.execve(given["argv"][0], given["argv"], dict(os.environ))  # noqa: S606 - that is its job


def _make_world(world):
    """Namespaces of its own: no network but a loopback, no process of others, hidden folders."""
    _call(_libc.unshare(_NEWNS | _NEWUTS | _NEWIPC | _NEWPID | _NEWNET), "unshare")
    _mount(b"none", b"/", None, _REC | _PRIVATE, None)
    _call(_mount_setattr(_RDONLY | _NOSUID_ATTRIBUTE), "mount_setattr")
    folder, size = world["scratch"]
    _mount(b"tmpfs", os.fsencode(folder), b"tmpfs", _NOSUID | _NODEV, b"mode=1777,size=%d" % size)
    for folder in world["hidden"]:
        _mount(os.fsencode(world["decoy"]), os.fsencode(folder), None, _BIND, None)
    _mount(b"devpts", b"/dev/pts", b"devpts", _NOSUID, b"newinstance,ptmxmode=0666,mode=620")
    _mount(b"/dev/pts/ptmx", b"/dev/ptmx", None, _BIND, None)
    os.chdir(world["scratch"][0])
    with socket.socket() as one:
        request = struct.pack("16sh", b"lo", 0)
        flags = struct.unpack("16sh", fcntl.ioctl(one, _SIOCGIFFLAGS, request)[:18])[1]
        fcntl.ioctl(one, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | _IFF_UP))
    child = os.fork()
    if child:  # the child is the first process of its world: with it all others end
        _libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 255)
    _libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _mount(b"proc", b"/proc", b"proc", _NOSUID | _NODEV, None)


def _mount_setattr(attributes):
    """All that is mounted becomes read-only: what is to be written comes after."""
    attr = struct.pack("QQQQ", attributes, 0, 0, 0)
    return _libc.syscall(_SYS_MOUNT_SETATTR, _AT_FDCWD, b"/", _AT_RECURSIVE, attr, len(attr))


def _mount(source, target, kind, flags, options):
    _call(_libc.mount(source, target, kind, flags, options), f"mount {target.decode()}")


def _call(status, what):
    if status:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)} ({errno.errorcode.get(number)})")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
