"""Takes a board's network away, and gives it another over the cable."""

import asyncio

from host.provisioning import sequence, serial
from host.rig.board import Board

# As a board is that was never online: it waits for a network.
_FORGET = r"""
import os, esp32
os.remove('/state/wifi.json')
_n = esp32.NVS('mpfleet')
_n.set_i32('opened', 0)
_n.commit()
"""


def forget(board: Board) -> None:
    """Let it know none; it starts anew."""
    board.restart(_FORGET)


def give(board: Board) -> str:
    """Give it the rig's, as `mpfleet provision --serial` does; where it would be claimed.

    Raises:
        ProvisioningError: what kept it from joining.
    """
    with board.console.released():
        wifi = board.parts.wifi
        return asyncio.run(_give(board.parts.port(), wifi.ssid, wifi.key))


async def _give(port: str, ssid: str, password: str) -> str:
    async with serial.connect(port) as improv:
        return await sequence(improv, ssid, password, "", lambda *_: None)
