"""The embedded broker, asked by real MQTT clients over TLS."""

import asyncio
import contextlib
import datetime as dt
import gc
import socket
import ssl
import struct

import aiomqtt
import pytest

from host import pki
from host.broker import streams
from host.broker.embedded import EmbeddedBroker
from host.broker.mqtt import BRIDGE

ID, OTHER = "aabbccddeeff", "112233445566"
SECRET = "5" * 64
STATUS = f"mpfleet/{ID}/status"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    pki.ensure(folder, "mpfleet", [], dt.datetime.now(dt.UTC))
    return folder


class Fleet:
    """A broker that knows two devices, and clients for it."""

    def __init__(self, folder):
        self.secrets = {ID: SECRET, OTHER: SECRET, "+": SECRET}
        self.tls = ssl.create_default_context(cadata=pki.ca_pem(folder))
        certificate = folder / "server.pem"
        self.broker = EmbeddedBroker("127.0.0.1", 0, certificate, self.is_known, SECRET)

    async def is_known(self, device_id, secret):
        await asyncio.sleep(0)
        return self.secrets.get(device_id) == secret

    def client(self, device_id=ID, password=SECRET, user=None, **given):
        return aiomqtt.Client(
            "127.0.0.1",
            self.broker.port,
            identifier=device_id,
            username=user or device_id,
            password=password,
            tls_context=self.tls,
            timeout=5,
            **given,
        )

    async def raw(self):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.broker.port, ssl=self.tls, server_hostname="mpfleet"
        )
        return reader, writer

    async def raw_device(self, keep_alive=60):
        reader, writer = await self.raw()
        head = b"\0\4MQTT\4\xc2" + keep_alive.to_bytes(2, "big")
        body = head + b"".join(len(s).to_bytes(2, "big") + s.encode() for s in (ID, ID, SECRET))
        writer.write(bytes([0x10, len(body)]) + body)
        assert await reader.readexactly(4) == b"\x20\2\0\0"
        return reader, writer


@contextlib.asynccontextmanager
async def running(folder):
    fleet = Fleet(folder)
    await fleet.broker.start()
    try:
        yield fleet
    finally:
        await fleet.broker.stop()


@pytest.fixture
def play(folder):
    """Play a scene, an async function that is given a running fleet."""

    async def played(scene):
        async with asyncio.timeout(15), running(folder) as fleet:
            return await scene(fleet)

    return lambda scene: asyncio.run(played(scene))


async def payload(client):
    message = await anext(client.messages)
    return bytes(message.payload)


async def attempt(client):
    """The word with which the broker lets a client in or not."""
    try:
        async with client:
            return "in"
    except aiomqtt.MqttError as error:
        return str(error)


@contextlib.asynccontextmanager
async def cut_off(client):
    """A client in a block that must end with the end of its connection."""
    try:
        async with client:
            yield client
    except aiomqtt.MqttError:
        return
    pytest.fail("the connection did not end")


# Who gets in


@pytest.mark.parametrize(
    ("given", "answer"),
    (
        ({}, "in"),
        ({"password": "6" * 64}, "Bad user name or password"),
        ({"password": None}, "Bad user name or password"),
        ({"device_id": "ffffffffffff"}, "Bad user name or password"),
        ({"user": OTHER}, "Bad user name or password"),
        ({"device_id": "+"}, "Bad user name or password"),
        ({"device_id": "', ''); --"}, "Bad user name or password"),
        ({"device_id": BRIDGE, "password": "6" * 64}, "Bad user name or password"),
        ({"will": aiomqtt.Will(STATUS, b"gone")}, "in"),
        ({"will": aiomqtt.Will(f"mpfleet/{OTHER}/status", b"gone")}, "Not authorized"),
        ({"will": aiomqtt.Will("mpfleet/x/status", b"gone", retain=True)}, "Not authorized"),
    ),
)
def test_a_device_gets_in_by_its_own_name_and_secret_only(play, given, answer):
    assert play(lambda fleet: attempt(fleet.client(**given))).endswith(answer)


def test_nobody_gets_in_without_a_name(play):
    async def scene(fleet):
        reader, writer = await fleet.raw()
        writer.write(b"\x10\x0c\0\4MQTT\4\2\0\x3c\0\0")
        return await reader.read()

    assert play(scene) == b"\x20\2\0\4"


def test_a_stranger_with_a_device_s_id_leaves_its_session_alone(play):
    async def scene(fleet):
        async with fleet.client(BRIDGE) as bridge, fleet.client() as device:
            await device.subscribe(f"mpfleet/{ID}/notify")
            stranger = fleet.client(password="6" * 64, will=aiomqtt.Will(STATUS, b"forged"))
            await attempt(stranger)
            await bridge.publish(f"mpfleet/{ID}/notify", b"still there")
            return await payload(device)

    assert play(scene) == b"still there"


# Own topics


def test_a_device_is_heard_on_its_own_topics_and_hears_its_own(play):
    async def scene(fleet):
        async with fleet.client(BRIDGE) as bridge, fleet.client() as device:
            await bridge.subscribe("mpfleet/+/status")
            await device.subscribe(f"mpfleet/{ID}/notify")
            await device.publish(STATUS, b"on", qos=1, retain=True)
            await bridge.publish(f"mpfleet/{ID}/notify", b"check")
            return await payload(bridge), await payload(device)

    assert play(scene) == (b"on", b"check")


@pytest.mark.parametrize(
    "topic_filter", (f"mpfleet/{OTHER}/notify", "mpfleet/+/notify", "mpfleet/#", "#", "$SYS/#")
)
def test_a_device_may_not_subscribe_to_another_s_topics(play, topic_filter):
    async def scene(fleet):
        async with fleet.client() as device:
            return [code.value for code in await device.subscribe(topic_filter)]

    assert play(scene) == [0x80]


def test_a_device_that_publishes_on_another_s_topic_is_disconnected_unheard(play):
    async def scene(fleet):
        async with fleet.client(BRIDGE) as bridge, fleet.client(OTHER) as other:
            await bridge.subscribe("mpfleet/#")
            async with cut_off(fleet.client()) as device:
                await device.publish(f"mpfleet/{OTHER}/status", b"forged", retain=True)
                await payload(device)
            await other.publish(f"mpfleet/{OTHER}/status", b"own")
            return await payload(bridge)

    assert play(scene) == b"own"


def test_a_device_has_a_bounded_number_of_subscriptions(play):
    async def scene(fleet):
        async with fleet.client() as device:
            names = [f"mpfleet/{ID}/data/{i}" for i in range(17)]
            return [(await device.subscribe(name))[0].value for name in names]

    assert play(scene) == [0] * 16 + [0x80]


# Retained messages


def test_the_status_is_kept_for_who_subscribes_later(play):
    async def scene(fleet):
        async with fleet.client() as device:
            await device.publish(STATUS, b"on", retain=True)
            await device.publish(f"mpfleet/{ID}/data/x", b"not kept", qos=1, retain=True)
        async with fleet.client(BRIDGE) as bridge:
            await bridge.subscribe("mpfleet/#")
            await bridge.publish("mpfleet/end", b"end")
            return await payload(bridge), await payload(bridge)

    assert play(scene) == (b"on", b"end")


def test_a_device_is_not_sent_what_the_bridge_subscribed_to(play):
    async def scene(fleet):
        async with fleet.client(BRIDGE) as bridge, fleet.client(OTHER) as other:
            await bridge.subscribe("mpfleet/+/status")
            await other.publish(f"mpfleet/{OTHER}/status", b"other's", qos=1, retain=True)
            async with fleet.client() as device:
                await device.subscribe(f"mpfleet/{ID}/notify")
                await bridge.publish(f"mpfleet/{ID}/notify", b"mine")
                return await payload(device)

    assert play(scene) == b"mine"


# Sessions that end


def test_retiring_a_device_ends_its_session_and_says_its_last_will(play):
    async def scene(fleet):
        async with fleet.client(BRIDGE) as bridge:
            await bridge.subscribe(STATUS)
            async with cut_off(fleet.client(will=aiomqtt.Will(STATUS, b"gone"))) as device:
                del fleet.secrets[ID]
                await fleet.broker.end_session(ID)
                await payload(device)
            return await payload(bridge), await attempt(fleet.client())

    assert play(scene) == (b"gone", "[code:134] Bad user name or password")


def test_a_device_retired_while_it_is_being_let_in_does_not_get_in(play):
    async def scene(fleet):
        is_known = fleet.is_known

        async def known_until_retired(device_id, secret):
            said = await is_known(device_id, secret)
            if fleet.secrets.pop(ID, None):
                await fleet.broker.end_session(ID)
            return said

        fleet.broker._broker._may_connect = known_until_retired
        return await attempt(fleet.client())

    assert play(scene) == "[code:134] Bad user name or password"


def test_to_end_the_session_of_one_who_is_not_there_is_no_error(play):
    assert play(lambda fleet: fleet.broker.end_session(ID)) is None


def test_a_second_connection_takes_the_first_one_s_place(play):
    async def scene(fleet):
        async with fleet.client(BRIDGE) as bridge:
            await bridge.subscribe(STATUS)
            async with cut_off(fleet.client(will=aiomqtt.Will(STATUS, b"gone"))) as first:
                await first.subscribe(f"mpfleet/{ID}/notify")
                async with fleet.client() as second:
                    await second.publish(STATUS, b"second", qos=1)
                    await second.subscribe(f"mpfleet/{ID}/notify")
                    await bridge.publish(f"mpfleet/{ID}/notify", b"check")
                    heard = await payload(bridge), await payload(second)
                await payload(first)
            return heard

    assert play(scene) == (b"second", b"check")


def test_a_device_that_falls_silent_is_given_up_and_its_last_will_said(play):
    async def scene(fleet):
        async with fleet.client(BRIDGE) as bridge:
            await bridge.subscribe(STATUS)
            reader, _writer = await fleet.raw_device(keep_alive=1)
            began = asyncio.get_running_loop().time()
            assert await reader.read() == b""
            return asyncio.get_running_loop().time() - began

    assert 1 < play(scene) < 3


# Bytes that are not for us


@pytest.mark.parametrize(
    "sent",
    (
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x30\xff\xff\xff\x7f",
        b"\x10\x02\0\0",
        b"\x10\x0c\0\4MQXX\4\2\0\x3c\0\0",
        b"\x10\x0c\0\4MQTT\5\2\0\x3c\0\0",
        b"\xff" * 100,
    ),
    ids=["http", "huge", "cut", "other protocol", "other version", "noise"],
)
def test_who_does_not_speak_mqtt_is_disconnected(play, sent):
    async def scene(fleet):
        reader, writer = await fleet.raw()
        writer.write(sent)
        return await reader.read()

    assert play(scene)[:1] in (b"", b"\x20")


@pytest.mark.parametrize("size", (streams.PACKET_BYTES_MAX + 1, 2**28 - 1))
def test_a_message_over_the_bound_ends_the_connection_before_it_is_read(play, size):
    async def scene(fleet):
        reader, writer = await fleet.raw_device()
        septets = [size >> shift & 0x7F for shift in range(0, size.bit_length(), 7)]
        length = bytes([*(septet | 0x80 for septet in septets[:-1]), septets[-1]])
        writer.write(b"\x30" + length + b"\0\5topic")
        return await reader.read()

    assert play(scene) == b""


def test_why_a_connection_was_dropped_is_logged(play, caplog):
    async def scene(fleet):
        reader, writer = await fleet.raw_device()
        writer.write(b"\x30\xff\xff\xff\x7f")
        return await reader.read()

    play(scene)
    assert f"dropped {ID}: bad packet: 268435455 bytes are more than 8192" in caplog.text


def test_a_connection_that_is_reset_leaves_no_trace_in_the_log(play, caplog):
    async def scene(fleet):
        _, writer = await fleet.raw()
        plain = writer.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        await asyncio.sleep(0.1)  # until the broker has noticed: nothing else tells

    play(scene)
    gc.collect()  # a task's exception that nobody took is told when the task goes
    assert "Traceback" not in caplog.text


def test_half_a_packet_is_waited_for_no_longer_than_silence(play):
    async def scene(fleet):
        reader, writer = await fleet.raw_device(keep_alive=1)
        writer.write(b"\x30\x20half")
        return await reader.read()

    assert play(scene) == b""


def test_a_new_certificate_is_used_without_a_restart(tmp_path):
    now = dt.datetime.now(dt.UTC)
    pki.ensure(tmp_path, "mpfleet", [], now)

    async def scene():
        async with asyncio.timeout(10), running(tmp_path) as fleet:
            serials = []
            for address in ("10.0.0.1", "10.0.0.2"):
                pki.ensure(tmp_path, "mpfleet", [address], now)
                fleet.broker.reload()
                _, writer = await fleet.raw()
                serials.append(writer.get_extra_info("peercert")["serialNumber"])
                writer.close()
            return len(set(serials))

    assert asyncio.run(scene()) == 2
