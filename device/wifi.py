"""Joins one of the known WiFi networks and stays on it, holding the loop for a scan at most."""

import asyncio
import os
import time
from binascii import unhexlify

import network
from micropython import const

from device.errors import NetworkError

_JOIN_MS = 25000  # DHCP on a busy network takes ten seconds
_RETRIES = const(2)  # by the radio itself; without a limit its status hides a failed handshake
# A bad status is believed once it stood this long: the radio tries again, and old ones linger.
_REFUSED_MS = 6000
_POLL_MS = 200
_WATCH_MS = const(2000)
_UNSEEN_DBM = const(-999)
_BACKOFF_S = (2, 300)  # first wait between rounds over all networks, and the longest
# What WLAN.status() says on an ESP32, and the word for it (SPEC section 10).
_WORDS = {
    201: "no-such-network",
    202: "wrong-password",
    203: "no-wifi",  # association refused
    204: "wrong-password",  # 4-way handshake timed out
    210: "no-such-network",
    211: "no-such-network",
    212: "no-such-network",
    15: "wrong-password",  # 4-way handshake timed out, as older firmwares number it
}


def order(known, seen, last):
    """Networks in the order to try: the last that worked, those seen by strength, the rest.

    `known` is the list of wifi.json, `seen` maps ssid to dBm, `last` is an ssid or None. An ssid
    is bytes where it is not UTF-8. Gives (ssid, password).
    """

    ranked = []
    for i, n in enumerate(known):
        ssid = _name(n) if isinstance(n, dict) else None
        if ssid:
            # the place in the list breaks a tie: sorting is not stable here
            found = (ssid != last, -seen.get(ssid, _UNSEEN_DBM), i, ssid, n.get("password", ""))
            ranked.append(found)
    ranked.sort(key=lambda r: r[:3])
    return [r[3:] for r in ranked]


def _name(entry):
    try:
        return entry.get("ssid") or unhexlify(entry.get("ssid_hex", ""))
    except (ValueError, TypeError):  # no hex digits
        return None


class Wifi:
    """The station interface and the networks of /state/wifi.json."""

    def __init__(self, store, hostname, log):
        self._store = store
        self._log = log
        self._last = None
        network.hostname(hostname[:32])  # longer ones raise
        self._wlan = network.WLAN(network.STA_IF)
        self.reason = "no-wifi"  # word for why the last attempt failed

    @property
    def is_joined(self):
        """Whether the board has an address on a network."""
        return self._wlan.isconnected()

    async def wait(self):
        """Return once joined (keep() does the joining)."""
        while not self._wlan.isconnected():
            await asyncio.sleep_ms(_POLL_MS)

    async def keep(self):
        """Task: join, watch, join again."""
        while True:
            if not self._wlan.isconnected():
                await self.join()
            await asyncio.sleep_ms(_WATCH_MS)

    async def join(self):
        """Try all known networks, round after round, later each time, until one takes us."""
        wait_s, longest_s = _BACKOFF_S
        while True:
            try:
                return await self._round()
            except NetworkError as e:
                self.reason = e.code
                self._log("wifi", e.detail())
            # ± 25 %: a power cut ends for all at once
            await asyncio.sleep_ms(wait_s * 750 + os.urandom(1)[0] * wait_s * 2)
            wait_s = min(wait_s * 2, longest_s)

    async def attempt(self, ssid, password):
        """Join this network, known or not.

        Raises:
            NetworkError: why not.
        """
        await self._get_ready()
        try:
            await self._join_one(ssid, password)
        finally:
            if not self._wlan.isconnected():
                await self._leave()

    async def _get_ready(self):
        self._wlan.active(True)
        self._wlan.config(reconnects=_RETRIES)
        await self._leave()  # the radio may be joining by itself, and would take no other order

    async def _round(self):
        known = self._store.load("wifi.json", [])
        if not known:
            raise NetworkError("no-wifi", "no network is configured")
        await self._get_ready()
        # a scan holds the loop for two seconds: only when there is a choice
        seen = self._scan() if len(known) > 1 else {}
        failure = None
        for ssid, password in order(known, seen, self._last):
            try:
                return await self._join_one(ssid, password)
            except NetworkError as e:
                failure = e
                self._log("wifi", e.detail())
                await self._leave()
        raise failure or NetworkError("no-wifi", "no usable entry in wifi.json")

    async def _join_one(self, ssid, password):
        try:
            old = self._wlan.status()  # the radio may go on showing it for a while
            self._wlan.connect(ssid, password or None)
        # the radio is busy, or a password it will not take (a RuntimeError on ESP32)
        except (OSError, ValueError, RuntimeError) as e:
            raise NetworkError("no-wifi", ssid, repr(e))
        start = bad_since = time.ticks_ms()
        while not self._wlan.isconnected():
            now = time.ticks_ms()
            # the stub thinks of a list of stations
            status = self._wlan.status()  # type: int  # type: ignore[assignment]
            word = _WORDS.get(status)
            if word is None:
                bad_since = now
            if status != old:
                old = None
            if old is None and time.ticks_diff(now, bad_since) > _REFUSED_MS:
                raise NetworkError(word, ssid)
            if time.ticks_diff(now, start) > _JOIN_MS:
                raise NetworkError(word or "no-wifi", ssid, "no answer")
            await asyncio.sleep_ms(_POLL_MS)
        self._last = ssid
        self._log("wifi", "joined", ssid, "as", self._wlan.ifconfig()[0])

    async def _leave(self):
        try:
            self._wlan.disconnect()
        except (OSError, RuntimeError):  # it was not connected
            pass
        await asyncio.sleep_ms(_POLL_MS)  # the radio's own task does it, a moment later

    def _scan(self):
        try:
            found = self._wlan.scan()
        except OSError as e:  # the radio is busy
            self._log("wifi", "scan", repr(e))
            return {}
        seen = {}  # type: dict[str, int]
        for entry in found:  # ssid, bssid, channel, rssi, security, hidden
            try:
                ssid = entry[0].decode()
            except UnicodeError:
                ssid = bytes(entry[0])
            seen[ssid] = max(entry[3], seen.get(ssid, _UNSEEN_DBM))
        return seen
