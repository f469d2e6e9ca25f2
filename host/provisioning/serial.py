"""Improv over a serial port (improv-wifi.com/serial)."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import serial
from improv_ble_client import protocol

from host.deploy import ports
from host.provisioning import frames
from host.provisioning.board import (
    ANSWER_S,
    AUTHORIZE_S,
    JOIN_S,
    SCAN_S,
    Identity,
    Network,
    networks,
)
from host.provisioning.errors import ProvisioningError, gone, refusal, silent

_BAUD = 115200
_FIRST_ANSWER_S = 30  # opening the port may have reset the board, which then starts
_AGAIN_S = 1
_READ_S = 0.1
_CURRENT_STATE = protocol.UnknownCommand(2, [])


@contextlib.asynccontextmanager
async def connect(port: str) -> AsyncIterator["SerialBoard"]:
    """The board at a port, once it answers.

    Raises:
        ProvisioningError: `no-answer`.
        DeployError: the port cannot be opened.
    """
    ports.check(port)
    with contextlib.closing(serial.serial_for_url(ports.real(port), _BAUD, timeout=_READ_S)) as it:
        board = SerialBoard(it, port)
        await asyncio.to_thread(board.wake)
        yield board


class SerialBoard:
    """A `Board` behind an open port; each question is asked from a thread, for pyserial waits."""

    def __init__(self, port: serial.SerialBase, name: str) -> None:
        self._port, self._name = port, name
        self._parser = frames.Parser()
        self._state = 0

    def wake(self) -> None:
        """Ask for the state until it is told."""
        deadline = time.monotonic() + _FIRST_ANSWER_S
        while not self._state:
            if time.monotonic() > deadline:
                raise silent(self._name)
            self._send(_CURRENT_STATE)
            self._until(lambda: bool(self._state), _AGAIN_S)

    async def identity(self) -> Identity:
        """What it is."""
        [texts] = await self._ask(protocol.DeviceInfoCmd())
        return Identity(*texts[:4])

    async def identify(self) -> None:
        """Improv's serial variant has no such command."""
        raise ProvisioningError("not-supported", "over a cable a board does not blink")

    async def is_authorized(self) -> bool:
        """Whether it takes settings from here."""
        return self._state != protocol.State.AUTHORIZATION_REQUIRED

    async def wait_until_authorized(self) -> None:
        """Return once it does."""
        is_it = lambda: self._state != protocol.State.AUTHORIZATION_REQUIRED  # noqa: E731
        if not await asyncio.to_thread(self._until, is_it, AUTHORIZE_S):
            raise refusal(protocol.Error.NOT_AUTHORIZED)

    async def scan(self) -> list[Network]:
        """The networks it hears: one result each, and an empty one at the end."""
        results = await self._ask(protocol.ScanWifiCmd(), SCAN_S, lambda found: not found[-1])
        return networks([(one[0], one[1], one[2]) for one in results if one])

    async def rename(self, hostname: str) -> None:
        """Give it a name in its network."""
        await self._ask(protocol.HostnameCmd(hostname.encode()))

    async def join(self, ssid: str, password: str) -> str:
        """Hand over a network."""
        command = protocol.WiFiSettingsCmd(ssid.encode(), password.encode())
        [texts] = await self._ask(command, JOIN_S)
        return texts[0] if texts else ""

    async def _ask(
        self,
        command: protocol.Command,
        wait_s: float = ANSWER_S,
        is_whole: Callable[[list[list[str]]], bool] = bool,
    ) -> list[list[str]]:
        return await asyncio.to_thread(self._answer, command, wait_s, is_whole)

    def _answer(self, command: protocol.Command, wait_s: float, is_whole: Any) -> list[list[str]]:
        found: list[list[str]] = []
        self._send(command)
        for frame in self._frames(wait_s):
            if frame.type == frames.ERROR and frame.data[0]:
                raise refusal(frame.data[0])
            if frame.type == frames.RESULT and frame.data[0] == command.cmd_id:
                found.append(_texts(frame.data))
                if is_whole(found):
                    return found
        raise silent(self._name)

    def _until(self, condition: Callable[[], bool], wait_s: float) -> bool:
        return condition() or any(condition() for _ in self._frames(wait_s))

    def _frames(self, wait_s: float) -> Iterator[frames.Frame]:
        deadline = time.monotonic() + wait_s
        while time.monotonic() < deadline:
            for frame in self._parser.feed(self._read()):
                if frame.type == frames.STATE:
                    self._state = frame.data[0]
                yield frame

    def _send(self, command: protocol.Command) -> None:
        try:
            self._port.write(frames.build(frames.COMMAND, command.as_bytes()[:-1]))
        except OSError as error:
            raise gone() from error

    def _read(self) -> bytes:
        try:
            return self._port.read(self._port.in_waiting or 1)
        except OSError as error:
            raise gone() from error


def _texts(data: bytes) -> list[str]:
    """The texts of a result, each behind its length."""
    found, at = [], 2
    while at < len(data):
        length = data[at]
        found.append(data[at + 1 : at + 1 + length].decode(errors="replace"))
        at += 1 + length
    return found
