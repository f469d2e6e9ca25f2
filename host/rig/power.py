"""Power switches of boards that are on a bench: a hub, a relay, or nobody at all."""

import subprocess
import time
from typing import Protocol

import serial

from host.rig import file
from host.rig.errors import RigError

_SWITCH_S = 20  # uhubctl tries three times by itself
_RELAY_HEAD = 0xA0


class Power(Protocol):
    """Gives a board power and takes it."""

    can_cut: bool  # whether off() takes the power away
    off_s: float  # how long a cut lasts

    def on(self) -> None:
        """Give power; harmless where there is some."""

    def off(self) -> None:
        """Take the power away, whatever the board is doing."""


class NoSwitch:
    """Nobody can take this board's power."""

    can_cut = False
    off_s = 0.0

    def on(self) -> None:
        """It is on."""

    def off(self) -> None:
        """It stays on."""


class HubSwitch:
    """A port of a USB hub."""

    can_cut = True

    def __init__(self, table: file.Uhubctl) -> None:
        self._table, self.off_s = table, table.off_s

    def on(self) -> None:
        """Give power.

        Raises:
            RigError: `no-power-switch`.
        """
        self._switch("on")

    def off(self) -> None:
        """Take the power away.

        Raises:
            RigError: `no-power-switch`.
        """
        self._switch("off")

    def _switch(self, action: str) -> None:
        table = self._table
        command = [table.program, "-l", table.location, "-p", str(table.hub_port), "-a", action]
        try:
            done = subprocess.run(  # noqa: S603 - the rig's owner names the program
                command, capture_output=True, text=True, timeout=_SWITCH_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RigError("no-power-switch", f"{' '.join(command)}: {error}") from error
        if done.returncode:
            said = " ".join((done.stderr or done.stdout).split())
            raise RigError("no-power-switch", f"{' '.join(command)}: {said}")


class RelaySwitch:
    """A channel of a USB relay board."""

    can_cut = True

    def __init__(self, table: file.Relay) -> None:
        self._table, self.off_s = table, table.off_s

    def on(self) -> None:
        """Give power.

        Raises:
            RigError: `no-power-switch`.
        """
        self._write(has_power=True)

    def off(self) -> None:
        """Take the power away.

        Raises:
            RigError: `no-power-switch`.
        """
        self._write(has_power=False)

    def _write(self, has_power: bool) -> None:
        is_drawn = has_power == (self._table.wired == "normally-open")
        try:
            with serial.serial_for_url(self._table.port, self._table.baud, timeout=1) as port:
                port.write(relay_command(self._table.channel, is_drawn))
                port.flush()
        except (OSError, ValueError) as error:
            raise RigError("no-power-switch", f"{self._table.port}: {error}") from error


def relay_command(channel: int, is_drawn: bool) -> bytes:
    """The four bytes of a relay: head, channel, state, and the sum of the three."""
    body = [_RELAY_HEAD, channel, int(is_drawn)]
    return bytes([*body, sum(body) & 0xFF])


def cut(power: Power) -> None:
    """Take the power away for a while; it comes back in any case."""
    power.off()
    try:
        time.sleep(power.off_s)
    finally:
        power.on()
