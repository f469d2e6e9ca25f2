"""Improv and a terminal over Bluetooth: the only file that imports aioble (SPEC section 16)."""

import asyncio
import time

import aioble
import bluetooth
from micropython import const

from device.provisioning.improv import (
    CAPABILITIES,
    NOT_AUTHORIZED,
    SERVICE,
    ImprovError,
    Packets,
    advertisement,
    checked,
    result,
)
from device.provisioning.terminal import Terminal

_INTERVAL_US = const(100000)
_MTU = const(300)  # a result of 258 bytes travels in one piece
_BUFFER_BYTES = const(512)  # the longest value there is; a shorter buffer would cut it silently
_LONGEST_MS = const(300000)  # nobody holds the only connection for ever
_POLL_MS = const(100)
_UART_BYTES = const(20)  # of a notification, with the smallest MTU
_UART = "6E40000%d-B5A3-F393-E0A9-E50E24DCCA9E"
_NAME_FIELD = b"\x09"

_ENCRYPTED = const(0x1000)  # flags of a characteristic: write encrypted, authenticated
_AUTHENTICATED = const(0x2000)
_PASSKEY_EVENT = const(31)
_SHOW = const(3)  # the passkey is on the board, and typed into the phone
_SHOWS = const(0)  # what the board has to pair with: a display, nothing
_NOTHING = const(3)


def _characteristics(service, guard):
    """Improv's five: state, error, command, result, capabilities."""
    uuid = SERVICE[:-1] + "%d"

    def readable(n, initial):
        return aioble.Characteristic(
            service, bluetooth.UUID(uuid % n), read=True, notify=True, initial=initial
        )

    state, error = readable(1, b"\x01"), readable(2, b"\x00")
    command = _written(service, uuid % 3, guard)
    found = readable(4, b"")
    aioble.Characteristic(
        service, bluetooth.UUID(uuid % 5), read=True, initial=bytes((CAPABILITIES,))
    )
    return state, error, command, found


def _written(service, uuid, guard):
    """A characteristic for clients to write to; without capture, quick writes would be lost."""
    written = aioble.BufferedCharacteristic(
        service,
        bluetooth.UUID(uuid),
        write=True,
        write_no_response=True,
        capture=True,
        max_len=_BUFFER_BYTES,
    )
    written.flags |= guard
    return written


class Improv:
    """The line of Improv clients: what they read, and are notified of."""

    is_trusted = False
    is_serial = False

    def __init__(self, radio, service, guard):
        self._radio = radio
        self._state, self._error, self.command, self._result = _characteristics(service, guard)
        self.forget()

    def forget(self):
        """The client has left: the next one has no part in it."""
        self._packets = Packets()
        self._result.write(b"")
        self._error.write(b"\x00")

    async def take(self, connection, data):
        """What a client wrote."""
        for found in self._packets.feed(data, time.ticks_ms()):
            if isinstance(found, ImprovError):
                self.error(found.number)
            elif self._radio.is_doubtful(connection):
                self.error(NOT_AUTHORIZED)
            else:
                await self._radio.hear(self, *found)

    def state(self, number):
        """Improv's state is this."""
        self._state.write(bytes((number,)), send_update=True)
        self._radio.advertise(number)

    def error(self, number):
        """What was asked for was refused, or failed."""
        self._error.write(bytes((number,)), send_update=True)

    def result(self, command, values):
        """The answer to what was asked for."""
        self._result.write(checked(result(command, values)), send_update=True)


class Uart:
    """The line of a person at a terminal, who writes text and reads it."""

    def __init__(self, radio, service, guard):
        self._radio = radio
        self.command = _written(service, _UART % 2, guard)
        self._text = aioble.Characteristic(service, bluetooth.UUID(_UART % 3), notify=True)
        self.terminal = Terminal(self.say)

    async def take(self, connection, data):
        """What was typed."""
        for ssid, password in self.terminal.feed(data):
            if self._radio.is_doubtful(connection):
                self.terminal.error(NOT_AUTHORIZED)
            else:
                self._radio.attempt(self.terminal, ssid, password)

    def say(self, text):
        """Send a line, in as many pieces as it takes."""
        data, connection = text.encode() + b"\r\n", self._radio.connection
        try:
            for i in range(0, len(data), _UART_BYTES):
                if connection and connection.is_connected():
                    self._text.notify(connection, data[i : i + _UART_BYTES])
        except OSError as e:  # it is leaving just now, or reads too slowly
            self._radio.log("bluetooth", "terminal", repr(e))


class Bluetooth:
    """The radio: services, advertising, one connection at a time."""

    def __init__(self, commands, config, log):
        name = commands.name
        self.hear = commands.hear
        self.attempt = commands.attempt
        self._leave = commands.forget
        self.connection = None
        self.log = log
        self._name = bytes((len(name) + 1,)) + _NAME_FIELD + name.encode()
        self._shown = 1
        self._is_waiting = False  # for a client, and says so
        self._is_paired = config.paired
        aioble.config(mtu=_MTU, gap_name=name)
        guard = self._secure(config.passkey) if config.paired else 0
        services = [aioble.Service(bluetooth.UUID(u)) for u in (SERVICE, _UART % 1)]
        self._improv = Improv(self, services[0], guard)
        self._uart = Uart(self, services[1], guard)
        aioble.register_services(*services)
        self.lines = (self._improv, self._uart.terminal)

    def _secure(self, passkey):
        from aioble import core, security  # noqa: F401 - security hears that a link is encrypted

        def show(event, data):
            if event == _PASSKEY_EVENT and data[1] == _SHOW:
                core.ble.gap_passkey(data[0], _SHOW, passkey)

        core.register_irq_handler(show, None)
        io = _SHOWS if passkey else _NOTHING
        aioble.config(bond=False, le_secure=True, mitm=bool(passkey), io=io)
        return _ENCRYPTED | _AUTHENTICATED if passkey else _ENCRYPTED

    def is_doubtful(self, connection):
        """Whether this client must pair first, whatever let its write through."""
        return self._is_paired and not (connection and connection.encrypted)

    def tasks(self):
        """Name and body of each task."""
        return [
            ("bluetooth", self._meet),
            ("improv", lambda: self._read(self._improv)),
            ("terminal", lambda: self._read(self._uart)),
        ]

    async def _meet(self):
        """One client after the other."""
        while True:
            data = advertisement(self._shown)
            self._is_waiting = True
            self.connection = await aioble.advertise(
                _INTERVAL_US, adv_data=data, resp_data=self._name
            )
            self._is_waiting = False
            self.log("bluetooth", "a client is here")
            await self._stay(self.connection)
            self.connection = None
            for line in self.lines:
                self._leave(line)
                line.forget()

    async def _stay(self, connection):
        for _ in range(_LONGEST_MS // _POLL_MS):
            if not connection.is_connected():
                return
            await asyncio.sleep_ms(_POLL_MS)
        await connection.disconnect()

    async def _read(self, line):
        while True:
            connection, data = await line.command.written()
            await line.take(connection, data)

    def advertise(self, state):
        """Let the advertisement say this state, where there is one: aioble begins and ends it."""
        is_news, self._shown = state != self._shown, state
        if is_news and self._is_waiting:
            aioble.core.ble.gap_advertise(
                _INTERVAL_US, adv_data=advertisement(state), resp_data=self._name
            )
