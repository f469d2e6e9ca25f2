"""The MQTT session by umqtt.simple: told at once of releases, seen online, gone with a last will.

umqtt reads and writes a blocking socket, and whole messages into RAM. It gets an object of ours
instead (device/pipe.py): writes are collected and sent by this task, and it reads from a buffer
that holds one complete packet, or nothing. Only logging on waits inside umqtt, within a deadline;
it is tried only at a host that just answered.
"""

import asyncio
import json
import os
import time

from micropython import const

from device.errors import NetworkError
from device.protocol import DATA_BYTES_MAX, topic

_KEEPALIVE_S = const(60)
_LOGIN_MS = 20000  # TCP, TLS, CONNECT and SUBSCRIBE in all: the loop stands still; 2 s as a rule
_POLL_MS = const(250)  # how late a notify is heard at most
_BACKOFF_S = (1, 300)
_GOOD_MS = const(60000)  # a session of this length starts the waits over
_QUEUE = const(8)  # messages waiting to be sent
_GOODBYE = b'{"online": false}'
_GOODBYE_TRIES = const(8)  # two seconds


class Link:
    """One session after another. `status` gives our state, `on_notify` takes the host's words."""

    def __init__(self, host, pipe, identity, log, power, on_notify, status):
        self._host = host
        self._identity = identity
        self._log = log
        self._power = power
        self._on_notify = on_notify
        self._status = status
        self._client = None
        self._pipe = pipe
        self._queue = []
        self._is_paused = True  # until the board is registered: the broker does not know it before
        self.is_online = False

    def publish(self, name, value, retain=False):
        """Queue a message for `mpfleet/<id>/<name>`; False while offline or too much waits.

        Raises:
            ValueError: it is longer than 4 kB.
        """
        data = value if isinstance(value, (bytes, bytearray)) else json.dumps(value).encode()
        if len(data) > DATA_BYTES_MAX:
            raise ValueError("message of %d bytes: %d at most" % (len(data), DATA_BYTES_MAX))
        if not self.is_online or len(self._queue) >= _QUEUE:
            return False
        self._queue.append((topic(self._identity.id, name), data, retain))
        return True

    async def run(self):
        """Task: keep a session up, logging on again later each time."""
        wait_s, longest_s = _BACKOFF_S
        while True:
            while self._is_paused:
                await asyncio.sleep_ms(_POLL_MS)
            start = time.ticks_ms()
            try:
                await self._session()
            except NetworkError as e:
                self._log("link", e.detail())
                if self._host.is_out_of_time(e):
                    self._on_notify({"what": "check"})  # HTTPS sets the clock right
            finally:
                self._drop()
            if self._is_paused:
                continue
            if time.ticks_diff(time.ticks_ms(), start) > _GOOD_MS:
                wait_s = _BACKOFF_S[0]
            # ± 25 %: a broker's restart ends for all boards at once
            await asyncio.sleep_ms(wait_s * 750 + os.urandom(1)[0] * wait_s * 2)
            wait_s = min(wait_s * 2, longest_s)

    async def pause(self):
        """End the session, saying so, until resume(): two TLS sessions take 52 kB."""
        self._is_paused = True
        while self.is_online:  # its memory is free when this returns
            await asyncio.sleep_ms(_POLL_MS)

    def resume(self):
        """Log on again."""
        self._is_paused = False

    async def _session(self):
        # Does anybody listen? Asked without holding the loop, which logging on does.
        (await self._host.open(self._host.mqtt_port)).close()
        if self._is_paused:
            return
        self._login()
        self.is_online = True
        self._log("link", "online")
        self.publish("status", self._status(), True)
        self._on_notify({"what": "online"})
        await self._serve()
        await self.goodbye()

    async def _serve(self):
        heard = sent = time.ticks_ms()
        while self.is_online and not self._is_paused:
            now = time.ticks_ms()
            if self._pipe.fill():
                self._call(self._client.check_msg)
                heard = now
                continue  # there may be another one
            if self._queue:
                self._call(self._client.publish, *self._queue.pop(0))
                sent = now
            elif time.ticks_diff(now, sent) > _KEEPALIVE_S * 500:
                self._call(self._client.ping)
                sent = now
            if time.ticks_diff(now, heard) > _KEEPALIVE_S * 1500:
                raise NetworkError("timeout", "no answer to a ping")
            is_sent = self._pipe.flush()
            await asyncio.sleep_ms(0 if is_sent and self._queue else _POLL_MS)

    def _login(self):
        from umqtt.simple import MQTTClient

        me = self._identity
        client = MQTTClient(
            me.id,
            self._host.address,
            self._host.mqtt_port,
            me.id,
            me.secret_hex,
            _KEEPALIVE_S,
            self._pipe,
        )
        client.set_callback(self._hear)
        client.set_last_will(topic(me.id, "status"), _GOODBYE, True)
        self._client = client
        self._pipe.deadline = time.ticks_add(time.ticks_ms(), _LOGIN_MS)
        with self._power:
            self._call(client.connect, True, _LOGIN_MS // 1000)
            self._call(client.subscribe, topic(me.id, "notify"))
        self._pipe.deadline = None

    def _call(self, method, *args):
        """Call umqtt, which raises whatever comes when a packet is not what it expects."""
        try:
            method(*args)
        except (OSError, ValueError) as e:
            raise self._host.error(e)
        except (AssertionError, IndexError, TypeError) as e:
            raise NetworkError("cut", "no MQTT", repr(e))
        except Exception as e:
            if (
                type(e).__name__ != "MQTTException"
            ):  # no name to catch it by: umqtt is imported late
                raise
            # 4, 5: it does not know us
            raise NetworkError("cut", "the broker refuses us", repr(e))

    def _hear(self, where, message):
        value = None
        if where == topic(self._identity.id, "notify").encode():
            try:
                value = json.loads(message)
            except (ValueError, RuntimeError):  # RuntimeError: nested too deep for the stack
                pass
        if isinstance(value, dict):
            self._on_notify(value)
        else:
            self._log("link", "ignored a message of", len(message), "bytes on", where)

    async def goodbye(self):
        """End the session, saying so first, so that the host need not wait for the last will."""
        if not self.is_online:
            return
        try:
            self._call(self._client.publish, topic(self._identity.id, "status"), _GOODBYE, True)
            # DISCONNECT: umqtt's own closes the socket before this task could send
            self._pipe.write(b"\xe0\0")
            for _ in range(_GOODBYE_TRIES):
                if self._pipe.flush():
                    break
                await asyncio.sleep_ms(_POLL_MS)
        except NetworkError as e:  # then the last will says it
            self._log("link", e.detail())
        self._drop()

    def _drop(self):
        if self.is_online:
            self._log("link", "offline")
        self.is_online = False
        self._queue.clear()
        self._client = None
        self._pipe.close()
