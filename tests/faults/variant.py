"""The runtime of the checkout with shorter waits, and with faults planted into it.

Both are changes to its text that must fit exactly once: a wait or a line that is no longer there
fails the suite at once instead of changing nothing.
"""

import shutil

from host.builder import bytecode
from host.builder.runtime import ROOT

# A wait that takes minutes on a board takes seconds here; the order of the waits is kept.
WAITS = (
    ("device/checkin.py", "_BACKOFF_S = (5, 300)", "_BACKOFF_S = (1, 4)"),
    ("device/checkin.py", "_LINK_S = const(15)", "_LINK_S = const(1)"),
    ("device/connection.py", "_CONNECT_MS = const(8000)", "_CONNECT_MS = const(1500)"),
    ("device/connection.py", "_HANDSHAKE_MS = 20000", "_HANDSHAKE_MS = 3000"),
    ("device/connection.py", "_WAIT_MS = 15000", "_WAIT_MS = 2000"),
    ("device/wifi.py", "_JOIN_MS = 25000", "_JOIN_MS = 3000"),
    ("device/wifi.py", "_REFUSED_MS = 6000", "_REFUSED_MS = 600"),
    ("device/wifi.py", "_BACKOFF_S = (2, 300)", "_BACKOFF_S = (1, 4)"),
    ("device/wifi.py", "_WATCH_MS = const(2000)", "_WATCH_MS = const(200)"),
    ("device/link.py", "_BACKOFF_S = (1, 300)", "_BACKOFF_S = (1, 4)"),
    ("device/link.py", "_LOGIN_MS = 20000", "_LOGIN_MS = 3000"),
    ("device/link.py", "_POLL_MS = const(250)", "_POLL_MS = const(50)"),
    ("device/pipe.py", "_STALL_MS = 15000", "_STALL_MS = 2000"),
    ("device/update/trial.py", "_PERIOD_MS = 500", "_PERIOD_MS = 100"),
)
PLANTED = {
    "no-hash-check": (
        ("device/update/download.py", "if came != digest:", "if False:"),
        ("device/update/download.py", "and _hex(found) == digest", ""),
    ),
    "no-bound": (
        ("device/update/steps.py", '"refuse", "stage", 3,', '"refuse", "stage", 1000000,'),
    ),
    "no-back-off": (("device/checkin.py", "return jittered(wait_s)", "return 0"),),
    "no-resume": (
        (
            "device/update/download.py",
            "        index = _read(part.index)\n        done = min(",
            "        forget(part)\n        index = None\n        done = min(",
        ),
    ),
    "no-waiting": (("device/checkin.py", "e.retry_after_s or ", ""),),
}


def make(folder):
    """A checkout in `folder` whose runtime waits shorter."""
    shutil.copytree(ROOT / "device", folder / "device")
    for name in ("boot.py", "main.py"):
        shutil.copy(ROOT / name, folder / name)
    change(folder, WAITS)


def change(folder, changes):
    """Change the text of files; the names of those files."""
    for name, old, new in changes:
        text = (folder / name).read_text()
        assert text.count(old) == 1, f"{name} has {old!r} {text.count(old)} times"
        (folder / name).write_text(text.replace(old, new))
    return {name for name, _, _ in changes}


def planted(folder, fault):
    """{path in a slot: bytecode} of the modules with a fault of PLANTED, which are in `folder`."""
    return {
        bytecode.compiled_name(name): bytecode.compile_source((folder / name).read_bytes(), name)
        for name in change(folder, PLANTED[fault])
    }
