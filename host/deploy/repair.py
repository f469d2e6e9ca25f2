"""A file system that does not mount, made anew over USB."""

from host.deploy import agent
from host.deploy.work import Work

_SETUP_S = 20  # MicroPython formats at its next start, which takes a few seconds

# Superblocks lie in the first two blocks; where the first is blank, MicroPython formats.
_BLANK = r"""
from esp32 import Partition
_found = Partition.find(Partition.TYPE_DATA, label='vfs') or Partition.find(
    Partition.TYPE_DATA, label='ffat')
for _n in (0, 1):
    _found[0].writeblocks(_n, b'\xff' * 4096)
"""


def format(work: Work) -> None:
    """Blank it, after asking; the board ends in its raw REPL, with an empty file system.

    Raises:
        DeployError: `not-agreed`, or what `Board` raises.
    """
    work.agree(
        "The board's file system does not mount. Formatting it loses all files on the board: "
        "releases, settings and WiFi passwords (identity, secret, host and CA stay)"
    )
    work.board.stop(soft_reset=False)  # a soft reset would only meet the same again
    work.board.run(_BLANK)
    work.board.reset(agent.RESET)
    next((line for line in work.board.lines(_SETUP_S) if line.strip()), None)
    work.board.stop()
    work.say("formatted")
