"""Obeys what the lines say: tries networks, keeps the one that works, answers (SPEC section 16).

A line is where somebody speaks and listens: Improv over Bluetooth or serial, a terminal. It has
`state`, `error` and `result`, and says whether it `is_trusted` and `is_serial`.
"""

import asyncio
import json
import os
import time

import machine
import network
from micropython import const

from device.errors import NetworkError, StorageFull
from device.provisioning import improv, session
from device.provisioning.improv import ImprovError

_JOIN_S = 30
_BLINKS = const(20)
_BLINK_MS = const(200)


def now_s():
    """Seconds; nobody sets the clock in this mode."""
    return time.time()


def claim_code():
    """A new code, such as ABCD-EFGH."""
    letters = ""
    while len(letters) < 8:
        letters += session.letter(os.urandom(1)[0])
    return letters[:4] + "-" + letters[4:]


class Commands:
    """What all lines have in common: there is one radio, and one attempt at a time."""

    def __init__(self, name, wifi, store, nvs, identity, led_pin, log):
        self.session = session.Session()
        self.lines = []
        self.known = store.load("wifi.json", [])
        self.name = name
        self.heard_s = now_s()
        self.asking = []  # lines that wait for how the attempt ends
        self._wifi = wifi
        self._store = store
        self._nvs = nvs
        self._identity = identity
        self._led_pin = led_pin
        self._log = log
        self._told = {}  # by line, the state it knows
        self._is_blinking = False

    async def hear(self, line, command, data):
        """Obey a command, or say why not."""
        self.heard_s = now_s()
        line.error(improv.NO_ERROR)
        state = self.session.state(now_s(), line.is_trusted)
        try:
            await getattr(self, "_" + session.action(command, state))(line, data)
        except ImprovError as e:
            self._log("provisioning", e.why)
            line.error(e.number)
        except StorageFull as e:
            self._log("provisioning", e.detail())
            line.error(improv.UNKNOWN)

    def attempt(self, line, ssid, password):
        """Try a network for somebody at a terminal."""
        data = improv.packed((ssid, password))
        asyncio.create_task(self.hear(line, improv.SETTINGS, data))

    def forget(self, line):
        """Whoever spoke there has left: what comes of it is not for the next one's ears."""
        if line in self.asking:
            self.asking.remove(line)

    def tell(self):
        """Say the state on each line where it is another; it changes by the clock, too."""
        for line in self.lines:
            state = self.session.state(now_s(), line.is_trusted)
            if self._told.get(line) != state:
                self._told[line] = state
                line.state(state)

    async def _try(self, line, data):
        wanted = improv.credentials(data)
        if self.session.begin(wanted, now_s()):
            self.asking = [line]
            self.tell()
            asyncio.create_task(self._join(*wanted))
        elif self.session.url:
            self._succeed(line)
        elif line not in self.asking:
            self.asking.append(line)

    async def _join(self, ssid, password):
        number = improv.UNABLE
        try:
            attempt = self._wifi.attempt(session.readable(ssid), password.decode())
            await asyncio.wait_for(attempt, _JOIN_S)
            self.session.succeed(self._keep(ssid, password))
        except asyncio.TimeoutError:
            self._log("provisioning", "the network does not answer")
        except NetworkError as e:
            self._log("provisioning", e.detail())
        except StorageFull as e:
            self._log("provisioning", e.detail())
            number = improv.UNKNOWN
        if not self.session.url:
            self.session.fail(now_s())
        for line in self.asking:
            if self.session.url:
                self._succeed(line)
            else:
                line.error(number)
        self.tell()

    def _succeed(self, line):
        """The result comes before the state: clients show its link when that changes."""
        line.result(improv.SETTINGS, (self.session.url.encode(),))

    def _keep(self, ssid, password):
        """Store what was learned, the network last, for that ends it. Returns the claim URL."""
        code = ""
        if self._store.load("registration.json", {}).get("state") != "claimed":
            code = claim_code()
            self._store.save("claim.json", {"code": code})
        self.known = session.added(self.known, ssid, password)
        self._store.save("wifi.json", self.known)
        if 0 <= self._nvs.number("opened") < session.OPEN_S:
            self._nvs.set_number("opened", session.OPEN_S)
        return session.claim_url(json.loads(self._nvs.blob("host")), self._identity.id, code)

    async def _inform(self, line, data):
        me = self._identity
        words = ("mpfleet", me.firmware, me.model, self.name)
        line.result(improv.INFO, [word.encode() for word in words])

    async def _scan(self, line, data):
        try:
            found = session.heard(network.WLAN(network.STA_IF).scan())
        except OSError as e:  # the radio is busy
            raise ImprovError(improv.UNKNOWN, repr(e))
        for values in found + [()] if line.is_serial else [improv.fitting(found)]:
            line.result(improv.SCAN, values)

    async def _rename(self, line, data):
        if data:
            name = improv.hostname(data)
            config = self._store.load("config.json", {})
            config["hostname"] = name
            self._store.save("config.json", config)
            network.hostname(name)
            self.name = name
        line.result(improv.HOSTNAME, (self.name.encode(),))

    async def _identify(self, line, data):
        if line.is_serial:  # there the number means: say how you are
            line.state(self.session.state(now_s(), True))
            if self.session.url:
                line.result(improv.IDENTIFY, (self.session.url.encode(),))
        elif self._led_pin >= 0 and not self._is_blinking:
            self._is_blinking = True
            asyncio.create_task(self._blink())

    async def _blink(self):
        led = machine.Pin(self._led_pin, machine.Pin.OUT)
        for n in range(_BLINKS):
            led.value(1 - n % 2)
            await asyncio.sleep_ms(_BLINK_MS)
        self._is_blinking = False
