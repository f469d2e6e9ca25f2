"""The MQTT protocol of the embedded broker: amqtt, with what it lacks.

The only file that knows amqtt (0.12.1, pinned: private methods are overridden). Which, and why:

1. A CONNECT is judged before amqtt looks up sessions: left to itself it lets a stranger who knows
   a device id replace that session, last will included, before it looks at the password.
2. Sessions start clean and end with their connection: a second connection with one id ends the
   first (amqtt leaves both open), and nothing is kept for a client that is away.
3. The last will obeys the rule for publications: amqtt does not ask where it goes.
4. Retained messages go to who subscribed: amqtt sends a new client what anybody subscribed to.
5. Every wait and length is bounded (`streams`): amqtt keeps clients that fell silent.
"""

import asyncio
import hmac
import logging
from contextlib import suppress

from amqtt.broker import Broker
from amqtt.contexts import Action, BrokerConfig, ListenerConfig
from amqtt.errors import AMQTTError, MQTTError, NoDataError
from amqtt.mqtt.connack import BAD_USERNAME_PASSWORD, NOT_AUTHORIZED, ConnackPacket
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler

from host.broker import rules
from host.broker.streams import CLOSED, PacketReader, PacketWriter

BRIDGE = "bridge"  # no device id looks like this

_FIRST_PACKET_S = 15
_HANDSHAKE_S = 30  # an ESP32 needs a second or two, on a bad network more
_IDLE_S_MAX = 180  # for clients that name no keep-alive, or a very long one
_FILTERS_MAX = 16  # of one device
_REFUSED = 0x80  # SUBACK

_log = logging.getLogger(__name__)


class RefusedError(AMQTTError):
    """A client that may not connect, with the return code that tells it."""

    def __init__(self, why, code):
        super().__init__(why)
        self.code = code


class OwnTopicsBroker(Broker):
    """A broker that lets devices in by `authenticate`, and the bridge by its password."""

    def __init__(self, listen, authenticate, bridge_password):
        super().__init__(BrokerConfig(listeners={"default": ListenerConfig()}, plugins={}))
        self._listen = listen
        self._may_connect = authenticate
        self._bridge_password = bridge_password
        self._ends = 0
        self.listener = None

    async def end(self, client_id):
        """End a client's session for good, also one that is just being admitted."""
        self._ends += 1
        await self._drop(client_id)

    async def _drop(self, client_id, has_successor=False):
        session, handler = self._sessions.pop(client_id, (None, None))
        if session is None:
            return
        if has_successor:
            session.will_flag = False  # the successor speaks for itself
        await self._del_all_subscriptions(session)
        await handler.stop()  # its task wakes up, says the last will and ends

    # Connecting

    async def _create_server_instance(self, *_listener):
        address, port, tls = self._listen
        self.listener = await asyncio.start_server(
            self._connected, address, port, ssl=tls, ssl_handshake_timeout=_HANDSHAKE_S
        )
        return self.listener

    async def _connected(self, stream_reader, stream_writer):
        reader, writer = PacketReader(stream_reader, _FIRST_PACKET_S), PacketWriter(stream_writer)
        try:
            await self._client_connected("default", reader, writer)
        finally:
            if reader.why != CLOSED:
                _log.warning("dropped %s: %s", reader.who, reader.why)
            await writer.close()  # amqtt leaves it open after some errors

    async def _initialize_client_session(self, reader, writer, remote_address, remote_port):
        try:
            handler, session = await BrokerProtocolHandler.init_from_connect(
                reader, writer, self.plugins_manager
            )
            await self._admit(session)
        except RefusedError as refused:
            _log.warning("refused %s: %s", remote_address, refused)
            with suppress(OSError):
                await ConnackPacket.build(0, refused.code).to_stream(writer)
            raise
        except (AMQTTError, MQTTError, NoDataError) as error:
            _log.info("no MQTT client at %s: %s", remote_address, error)
            raise
        while session.client_id in self._sessions:
            await self._drop(session.client_id, has_successor=True)
        session.clean_session = True  # amqtt forgets such a session when its client is away
        reader.idle_s = _idle_s(session.keep_alive)
        reader.is_paced = session.client_id != BRIDGE
        reader.who = session.client_id
        session.keep_alive = 0  # amqtt only logs when it runs out; the reader ends the connection
        return handler, session

    async def _admit(self, session):
        if session.client_id != session.username:
            raise RefusedError("client id is not the user name", BAD_USERNAME_PASSWORD)
        if not await self._knows(session.username, session.password or ""):
            raise RefusedError(f"wrong secret for {session.username!r}", BAD_USERNAME_PASSWORD)
        will = session.will_topic
        if session.will_flag and not self._is_allowed(session, will, rules.may_publish):
            raise RefusedError(f"last will of {session.username} on {will!r}", NOT_AUTHORIZED)

    async def _knows(self, name, password):
        if name == BRIDGE:
            return hmac.compare_digest(password.encode(), self._bridge_password.encode())
        if not rules.is_device_id(name):
            return False
        while True:
            ends = self._ends  # a device that is retired while we ask is asked about again
            is_known = await self._may_connect(name, password)
            if not is_known or ends == self._ends:
                return is_known

    async def _authenticate(self, session, _listener):
        return True  # admitted already

    # Connected

    async def _handle_message_delivery(self, session, handler, waiter):
        message = waiter.result()
        if message is None or self._is_allowed(session, message.topic, rules.may_publish):
            return await super()._handle_message_delivery(session, handler, waiter)
        _log.warning("%s published on %r: disconnected", session.client_id, message.topic)
        await handler.handle_connection_closed()
        return True

    async def add_subscription(self, subscription, session):
        topic_filter = subscription[0]
        held = session.attributes.setdefault("mpfleet.filters", set())
        is_allowed = self._is_allowed(session, topic_filter, rules.may_subscribe)
        if not is_allowed or len(held | {topic_filter}) > _FILTERS_MAX:
            _log.warning("%s may not subscribe to %r", session.client_id, topic_filter)
            return _REFUSED
        held.add(topic_filter)
        return await super().add_subscription((topic_filter, 0), session)  # QoS 0: nothing waits

    async def retain_message(self, source_session, topic_name, data, qos=None):
        if self._is_allowed(source_session, topic_name, rules.may_retain):
            await super().retain_message(source_session, topic_name, data, qos)

    async def _publish_retained_messages_for_subscription(self, subscription, session):
        if any(held is session for held, _qos in self._subscriptions.get(subscription[0], ())):
            await super()._publish_retained_messages_for_subscription(subscription, session)

    async def _topic_filtering(self, session, topic, action):
        rule = rules.may_subscribe if action is Action.SUBSCRIBE else rules.may_publish
        return self._is_allowed(session, topic, rule)

    @staticmethod
    def _is_allowed(session, topic, rule):
        return session.client_id == BRIDGE or rule(session.client_id, topic or "")


def _idle_s(keep_alive):
    """Silence that ends a connection: one and a half keep-alives (MQTT 3.1.1 §3.1.2.10)."""
    return min(1.5 * keep_alive, _IDLE_S_MAX) if keep_alive else _IDLE_S_MAX
