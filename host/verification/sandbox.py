"""Where the code of a release may run: with nothing of the host in sight, and within limits.

Two kinds, the better one first: bubblewrap, or, for a host that runs as root, namespaces and an
unprivileged user of its own. Each is tried before it is used; where neither works there is none.
"""

import functools
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
_ENTER = Path(__file__).with_name("enter.py")
_PROJECT = ("device", "host", "simulator", "lib", "boot.py", "main.py")
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc/ld.so.cache")
# Nobody's: no account has them, and no service manager hands them out. One for each run, for the
# kernel counts the processes of a user, not those of a sandbox.
_UIDS = range(60_578, 61_184)
_TRY_S = 20
DECOYS = ("online.json", "targets.json", "root.json")


class Limits(NamedTuple):
    """How much a release may take of the machine while it is tried."""

    seconds: float = 300
    memory_bytes: int = 1536 * 1024 * 1024  # of all its processes
    processes: int = 120
    disk_bytes: int = 400 * 1024 * 1024
    file_bytes: int = 64 * 1024 * 1024

    @property
    def hard(self):
        """What the kernel enforces by itself, by name; twice what is noticed before."""
        own = 0 if os.geteuid() == 0 else _processes_of(os.getuid())
        return {
            "RLIMIT_AS": 2 * self.memory_bytes,
            "RLIMIT_NPROC": own + 2 * self.processes,
            "RLIMIT_FSIZE": self.file_bytes,
            "RLIMIT_NOFILE": 2048,
            "RLIMIT_CORE": 0,
        }


class Place(NamedTuple):
    """What a program inside sees of this machine besides the interpreter and the project."""

    case: Path  # may be read
    scratch: Path  # an empty folder, where a file system of its own comes
    decoy: Path  # lies where the host's own folder is: who reads it looks for keys
    hidden: Sequence[Path] = ()  # folders of the host's

    @classmethod
    def below(cls, folder, hidden=()):
        """A place in an empty folder of the host's."""
        there = [Path(one).resolve() for one in hidden]
        made = cls(folder / "case", folder / "scratch", folder / "decoy", there)
        for one in (folder, made.case, made.scratch, made.decoy, made.decoy / "keys"):
            one.mkdir(mode=0o755, exist_ok=True)
            one.chmod(0o755)  # whatever the umask: another user is to look in
        for name in DECOYS:
            (made.decoy / "keys" / name).write_text('{"format": 1}\n')
        return made


class Sandbox(NamedTuple):
    """A way to run a program: its name for people, and what makes the command."""

    name: str
    make: Callable[..., list[str]]

    def command(self, argv: Sequence[str], place: Place, limits: Limits) -> list[str]:
        """The command that runs a program in a place."""
        return self.make(argv, place, limits)


@functools.cache
def find(kinds=("bubblewrap", "own-user")):
    """The best sandbox that works on this machine, or None."""
    return next((one for kind in kinds if (one := KINDS[kind]) and _works(one)), None)


def environment(place):
    """What a program inside is told: nothing of the host's own settings."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(place.scratch),
        "TMPDIR": str(place.scratch),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANG": "C.UTF-8",
    }


_LOOK = """
import host, os, pathlib, socket, sys
served = socket.create_server(("127.0.0.1", 0))
socket.create_connection(served.getsockname())
os.openpty()
case, scratch = map(pathlib.Path, sys.argv[1:])
(scratch / "x").write_text("x")
os.listdir(case)
"""


def _works(sandbox):
    with tempfile.TemporaryDirectory() as folder:
        place = Place.below(Path(folder))
        look = [sys.executable, "-c", _LOOK, str(place.case), str(place.scratch)]
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter
                sandbox.command(look, place, Limits()),
                capture_output=True, timeout=_TRY_S, env=environment(place), check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return False
    return done.returncode == 0


def _bubblewrap(argv, place, limits):
    program = shutil.which("bwrap") or "bwrap"
    is_root = os.geteuid() == 0
    apart = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    apart += ["--unshare-cgroup-try"]
    rights = ["--cap-drop", "ALL"]
    if is_root:  # only to become another user, which the first program does at once
        rights += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        apart += ["--unshare-user"]
    shown = [*_there(_SYSTEM), *_interpreter(), *_there(ROOT / name for name in _PROJECT)]
    disk = ["--perms", "1777", "--size", str(limits.disk_bytes), "--tmpfs", str(place.scratch)]
    return [
        *(program, *apart, *rights, "--die-with-parent", "--new-session"),
        *("--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"),
        *_folders([*shown, place.case, place.scratch, *place.hidden]),
        *(word for one in (*shown, place.case) for word in ("--ro-bind", str(one), str(one))),
        *(word for one in place.hidden for word in ("--ro-bind", str(place.decoy), str(one))),
        *(*disk, "--chdir", str(place.scratch), "--remount-ro", "/", "--"),
        *_entering(argv, limits, secrets.choice(_UIDS) if is_root else None, None),
    ]


def _folders(places):
    """What lies above them, open to everybody: bubblewrap would keep it to whom it runs as."""
    above = {folder for one in places for folder in one.parents if folder != Path("/")}
    return [word for one in sorted(above) for word in ("--perms", "0755", "--dir", str(one))]


def _own_user(argv, place, limits):
    if os.geteuid() != 0:
        return ["false"]
    hidden = [str(one) for one in place.hidden if one.is_dir()]
    disk = [str(place.scratch), limits.disk_bytes]
    world = {"scratch": disk, "hidden": hidden, "decoy": str(place.decoy)}
    return _entering(argv, limits, secrets.choice(_UIDS), world)


def _entering(argv, limits, uid, world):
    given = {"argv": list(argv), "uid": uid, "limits": limits.hard, "world": world}
    return [sys.executable, "-I", "-S", str(_ENTER), json.dumps(given)]


def _interpreter():
    """Where Python is, where that is not a place of the system."""
    places = {Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()}
    return sorted(one for one in places if not one.is_relative_to("/usr"))


def _there(places):
    return [Path(one) for one in places if Path(one).exists()]


def _processes_of(uid):
    """Threads that a user has already: the kernel counts them all."""
    count = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except (OSError, ValueError):
            continue
        if int(lines["Uid"].split()[0]) == uid:
            count += int(lines["Threads"])
    return count


KINDS = {
    "bubblewrap": Sandbox("bubblewrap", _bubblewrap),
    "own-user": Sandbox("a user of its own", _own_user),
}
