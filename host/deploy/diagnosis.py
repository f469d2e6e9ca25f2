"""What a board that gives no prompt says instead, as a table of signs. Pure."""

import re

from host.deploy.errors import DeployError

BROKEN = "broken-filesystem"
_FLASH = "flash MicroPython: mpfleet deploy --firmware FILE (https://micropython.org/download/)"

# The first row whose sign is there so often decides.
_SIGNS = (
    # sign, times, word, what it is, what to do
    (
        rb"filesystem appears to be corrupted",
        1,
        BROKEN,
        "its file system does not mount",
        "deploy again with --yes: it is formatted, which loses its files; identity and secret "
        "lie apart and stay",
    ),
    (rb"Brownout detector was triggered", 1, "brownout", "its supply voltage breaks down",
     "use a shorter cable, another USB port or a hub with its own supply"),
    (rb"waiting for download", 1, "in-loader", "it waits in its loader for a firmware",
     "press its reset button without BOOT, or give --firmware FILE"),
    (rb"CircuitPython", 1, "not-micropython", "it runs CircuitPython", _FLASH),
    (
        rb"invalid header: 0xffffffff|flash read err, 1000|No bootable app partitions",
        1,
        "no-firmware",
        "its flash holds no firmware",
        _FLASH,
    ),
    (rb"rst:0x", 3, "boot-loop", "it starts again and again", _FLASH),
    (rb"MicroPython v", 1, "no-repl", "MicroPython runs, but its prompt is not reached",
     "press its reset button and deploy again within its first seconds"),
    (rb"[^\s]", 1, "not-micropython", "another program runs on it (an Arduino sketch?)", _FLASH),
)  # fmt: skip
_SILENT = (
    "no-repl",
    "nothing answers",
    "check that the board has power and runs MicroPython, press its reset button, try again",
)
_ECHO = re.compile(rb"[\r\n\x01-\x04\0]+")  # of what was typed; an idle pty says it back


def of(port: str, said: bytes) -> DeployError:
    """The reason that what the board said gives."""
    said = _ECHO.sub(b"\n", said)
    for sign, times, word, what, advice in _SIGNS:
        if len(re.findall(sign, said)) >= times:
            return DeployError(word, f"no prompt on {port}: {what}", advice)
    word, what, advice = _SILENT
    return DeployError(word, f"{what} on {port}", advice)


def is_certain(found: DeployError) -> bool:
    """Whether listening any longer would change nothing."""
    return found.code in (BROKEN, "boot-loop", "in-loader", "no-firmware", "brownout")
