"""MQTT ⇄ services: presence and progress come in, the outbox goes out."""

import asyncio
import json
import logging

import aiomqtt
from sqlalchemy.exc import OperationalError

from device.protocol import topic
from host.bridge.messages import MalformedError, read
from host.services import outbox

_HEARD = ("mpfleet/+/status", "mpfleet/+/progress")
_OUTBOX_S = 0.2  # how long an approval may lie before boards hear of it
_BATCH = 100  # messages in one transaction
_CANCEL_AGAIN_S = 0.2
_RETRY_S = (1, 2, 5, 10, 30)

_log = logging.getLogger(__name__)


class Bridge:
    """Carries messages for as long as `run` runs; a broker or database that is away is waited for.

    `connect()` makes an aiomqtt client, `end_session(device_id)` is awaited to end a live one.
    """

    def __init__(self, ledger, connect, end_session):
        self._ledger = ledger
        self._connect = connect
        self._senders = {outbox.DISCONNECT["what"]: end_session}
        self._failures = 0

    async def run(self):
        """Carry until cancelled."""
        task = asyncio.create_task(self._run())
        try:
            await asyncio.wait([task])
        finally:
            # Until it is heard: wait_for of Python 3.11, with which aiomqtt waits, drops a
            # cancellation that comes together with the answer; an error at hanging up hides one.
            while not task.done():
                task.cancel()
                await asyncio.wait([task], timeout=_CANCEL_AGAIN_S)
        task.result()

    async def _run(self):
        while True:
            why = await self._carry_or_why()
            wait_s = _RETRY_S[min(self._failures, len(_RETRY_S) - 1)]
            self._failures += 1
            _log.warning("not connected: %s; again in %d s", why, wait_s)
            await asyncio.sleep(wait_s)

    async def _carry_or_why(self):
        why = None
        try:
            await self._carry()
        except* (aiomqtt.MqttError, OperationalError, OSError) as group:
            why = _first(group)
        return why

    async def _carry(self):
        async with self._connect() as client:
            await asyncio.to_thread(self._ledger.begin)
            for topic_filter in _HEARD:
                await client.subscribe(topic_filter)
            _log.info("connected to the broker")
            self._failures = 0
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._hear(client))
                tasks.create_task(self._speak(client))

    async def _hear(self, client):
        async for message in client.messages:
            batch = [message]
            while len(client.messages) and len(batch) < _BATCH:
                batch.append(await anext(client.messages))
            values = list(_readable(batch))
            if values:
                await asyncio.to_thread(self._ledger.hear, values)

    async def _speak(self, client):
        while True:
            rows = await asyncio.to_thread(self._ledger.waiting)
            for _, device_id, what in rows:
                await self._send(client, device_id, what)
            if rows:
                await asyncio.to_thread(self._ledger.sent, [row[0] for row in rows])
            else:
                await asyncio.sleep(_OUTBOX_S)

    async def _send(self, client, device_id, what):
        sender = self._senders.get(what["what"])
        if sender:
            await sender(device_id)
        else:
            await client.publish(topic(device_id, "notify"), json.dumps(what))


def _readable(messages):
    for message in messages:
        try:
            yield read(str(message.topic), message.payload)
        except MalformedError as error:
            _log.warning("ignored %s: %s", message.topic, error)


def _first(group):
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group
