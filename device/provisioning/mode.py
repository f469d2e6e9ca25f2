"""Provisioning: the mode in which a board learns a network, keeps it, and starts anew.

Runs from the golden copy, without application, host and TLS (SPEC section 16): beside Bluetooth
they do not fit the heap. So releases do not carry it, and a running board never loads it.
"""

import asyncio
import gc

import machine
import network
from micropython import const

from device import store as stores
from device.identity import Identity
from device.log import Log
from device.power import BY_BUTTON, Power, supervise
from device.provisioning import session
from device.provisioning.commands import Commands, now_s
from device.provisioning.serial import Serial
from device.update.record import BootRecord
from device.wifi import Wifi

_MINUTE_S = const(60)
_READ_S = const(5)  # for a client to read the result,
_CABLE_S = const(2)  # which over a cable it has at once
_IDLE_S = const(600)  # then a board that knows a network tries that again
_POLL_MS = const(50)
_COLLECT = const(8192)


class Mode:
    """The tasks of the mode: lines, the button, the minutes it stands open, its end."""

    def __init__(self, commands, config, nvs, power, log):
        self._commands = commands
        self._session = commands.session
        self._config = config
        self._nvs = nvs
        self.power = power
        self._log = log
        self._radio = None

    async def run(self):
        """Until the board starts anew."""
        network.WLAN(network.STA_IF).active(True)
        serial = Serial(self._commands.hear)
        self._commands.lines.append(serial)
        table = [
            ("power", self.power.keep),
            ("serial", serial.serve),
            ("button", self.watch_button),
            ("window", self.stand_open),
            ("end", self.end),
        ]
        self._load_radio()
        if self._radio:
            self._commands.lines += self._radio.lines
            table += self._radio.tasks()
        self._log("provisioning", "as", self._commands.name)
        await supervise(table, self._log, self._note_memory)

    def _load_radio(self):
        try:
            from device.provisioning.ble import Bluetooth

            self._radio = Bluetooth(self._commands, self._config, self._log)
        except (ImportError, OSError, MemoryError) as e:
            self._log("provisioning", "without Bluetooth, over serial only:", repr(e))
            self._log("provisioning", "aioble comes by mpfleet deploy --aioble")

    async def _note_memory(self, name):
        self._log("provisioning", "out of memory:", name)

    async def watch_button(self):
        """Task: a press admits whoever is there."""
        pin = self._config.button_pin
        button = machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_UP) if pin >= 0 else None
        was_up = False  # held since before: that was the wish for this mode
        while True:
            is_up = button is None or bool(button.value())
            if was_up and not is_up:
                self._log("provisioning", "the button was pressed")
                self._session.admit(now_s())
                self._commands.heard_s = now_s()
            was_up = is_up
            self._commands.tell()
            await asyncio.sleep_ms(_POLL_MS)

    async def stand_open(self):
        """Task: the minutes after a deploy in which nobody needs to press anything."""
        while not self._commands.known:
            mode, opened = self._config.provisioning, self._nvs.number("opened")
            charged = session.next_charge(mode, opened)
            if charged is None:
                return
            self._nvs.set_number("opened", charged)  # first: a power cut gives no minute back
            self._session.admit(now_s(), _MINUTE_S)
            await asyncio.sleep(_MINUTE_S)

    async def end(self):
        """Task: start anew after success, or where an old network may be back."""
        while not self._session.url:
            if self._commands.known and now_s() - self._commands.heard_s > _IDLE_S:
                self.power.reset("provisioning is over")
            await asyncio.sleep(1)
        is_by_cable = [line for line in self._commands.asking if line.is_serial]
        for _ in range((_CABLE_S if is_by_cable else _READ_S) * 10):
            await asyncio.sleep_ms(100)
            if self._radio and not self._radio.connection and not is_by_cable:
                break  # its client has read it and left
        self.power.reset("provisioned")


def build(wish, store, nvs, log):
    """The mode, of what is kept on this board."""
    config = stores.Config(store, dict(stores.DEFAULTS, **session.DEFAULTS))
    power = Power(BootRecord().watchdog_s, log)  # the wish is over: what goes wrong ends it
    me = Identity(nvs, config)
    name = config.hostname or "mpfleet-" + me.id[-6:]
    wifi = Wifi(store, name, log)
    led_pin = config.led_pin  # type: ignore[attr-defined]
    commands = Commands(name, wifi, store, nvs, me, led_pin, log)
    if wish == BY_BUTTON:
        commands.session.admit(now_s())
    return Mode(commands, config, nvs, power, log)


def main(wish):
    """Run the mode until a reset or a person ends it."""
    gc.threshold(_COLLECT)  # the heap would grow over what WiFi and Bluetooth live on
    mode = build(wish, stores.Store(), stores.Nvs(), Log())
    try:
        asyncio.run(mode.run())
    except KeyboardInterrupt:
        from device.start import feed_for_a_person

        feed_for_a_person(mode.power)
        raise
