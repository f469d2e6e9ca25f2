"""The MQTT session against real TLS sockets and a broker that follows a script."""

import json
import struct

import pytest
from tls_server import TlsServer

CONNACK = b"\x20\x02\x00\x00"
PINGRESP = b"\xd0\x00"
NOTIFY = "mpfleet/246f28010203/notify"

# Runs the link until it has heard given[2] messages or logged given[3], then says goodbye.
SESSION = """
import asyncio, time
from rig import Rig
rig = Rig(1, given[1], mqtt_port=given[0])
async def main():
    task = asyncio.create_task(rig.link.run())
    rig.link.resume()
    start = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), start) < 8000:
        if len(rig.heard) >= given[2] and any(given[3] in line for line in rig.log.lines):
            break
        await asyncio.sleep_ms(20)
        await step()
    await rig.link.goodbye()
    task.cancel()
    for message in rig.heard:
        print(json.dumps(message))
async def step():
    pass
"""
RUN = "asyncio.run(main())\n"


def packet(kind, body):
    """An MQTT packet."""
    n, length = len(body), b""
    while True:
        n, digit = divmod(n, 128)
        length += bytes([digit | (0x80 if n else 0)])
        if not n:
            return bytes([kind]) + length + body


def publish(topic, message):
    return packet(0x30, struct.pack("!H", len(topic)) + topic.encode() + message)


def read_packet(peer):
    kind, n, shift = peer.read(1)[0], 0, 0
    while True:
        digit = peer.read(1)[0]
        n |= (digit & 0x7F) << shift
        shift += 7
        if not digit & 0x80:
            return kind, peer.read(n)


def broker(*sent, answer=CONNACK):
    """Script: let the board log on, send this (a number: silence, seconds), keep what it says."""

    def script(server, peer):
        server.requests.append(read_packet(peer))
        peer.send(answer)
        subscribe = read_packet(peer)
        server.requests.append(subscribe)
        peer.send(packet(0x90, subscribe[1][:2] + b"\x00"))
        for data in sent:
            if isinstance(data, bytes):
                peer.send(data)
            else:
                server.is_over.wait(data)
        while True:
            server.requests.append(read_packet(peer))

    return script


@pytest.fixture
def session(on_board, authority, leaf):
    """Run a session against a broker's script; the board's lines and what the broker read."""

    def run(script, heard=1, logged="", more="", certificate=leaf):
        with TlsServer(certificate, script) as server:
            lines = on_board(SESSION + more + RUN, server.port, authority.der_hex, heard, logged)
        return lines, server.requests

    return run


def heard(lines):
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_a_board_logs_on_with_its_id_secret_and_last_will(session):
    _, requests = session(broker())
    kind, body = requests[0]
    assert (kind, body[:10]) == (
        0x10,
        b"\x00\x04MQTT\x04\xe6\x00\x3c",
    )  # user, password, will, retained; 60 s
    assert b'mpfleet/246f28010203/status\x00\x11{"online": false}' in body


def test_it_subscribes_to_its_own_notify_topic(session):
    assert NOTIFY.encode() in session(broker())[1][1][1]


def test_it_says_that_it_is_online_then_goodbye_both_retained(session):
    _, requests = session(broker(), logged="online")
    more = """
async def step():
    if rig.link.is_online and not rig.link._queue:
        await asyncio.sleep_ms(300)
        given[3] = ""
"""
    _, requests = session(broker(), logged="never", more=more)
    status = [(kind, body[29:]) for kind, body in requests if kind == 0x31]
    assert status == [(0x31, b'{"online": true}'), (0x31, b'{"online": false}')]
    assert requests[-1][0] == 0xE0


def test_a_notify_is_heard(session):
    lines, _ = session(broker(publish(NOTIFY, b'{"what": "check"}')), heard=2)
    assert heard(lines) == [{"what": "online"}, {"what": "check"}]


def test_a_packet_in_two_halves_is_heard_while_the_loop_goes_on(session):
    data = publish(NOTIFY, b'{"what": "check"}')
    more = """
from time import ticks_ms, ticks_diff
last, longest = None, 0
async def step():
    global last, longest
    if rig.link.is_online:
        if last is not None:
            longest = max(longest, ticks_diff(ticks_ms(), last))
        last = ticks_ms()
    if len(rig.heard) > 1:
        print("loop held", longest > 200)
"""

    lines, _ = session(broker(data[:9], 0.5, data[9:]), heard=2, more=more)
    assert (heard(lines)[1:], "loop held False" in lines) == ([{"what": "check"}], True)


def test_half_a_packet_that_stays_away_ends_the_session(session):
    more = "import device.pipe\ndevice.pipe._STALL_MS = 200\n"
    data = publish(NOTIFY, b'{"what": "check"}')
    lines, _ = session(broker(data[:9]), heard=1, logged="half a packet", more=more)
    assert any("timeout half a packet" in line for line in lines)


IGNORED = {
    "empty": (NOTIFY, b"", "ignored a message of 0 bytes"),
    "not JSON": (NOTIFY, b"check!", "ignored a message of 6 bytes"),
    "no object": (NOTIFY, b"[1]", "ignored a message of 3 bytes"),
    "not ours": (
        "mpfleet/000000000000/notify",
        b'{"what": "check"}',
        "ignored a message of 17 bytes",
    ),
    "over 1 kB": (NOTIFY, b'"' + b"x" * 1060 + b'"', "ignored a message of 1062 bytes"),
    "nested deep": (NOTIFY, b"[" * 900, "ignored a message of 900 bytes"),
    "huge": (NOTIFY, b"x" * 200000, "skipping a packet of 200033 bytes"),
}


@pytest.mark.parametrize(("topic", "message", "logged"), IGNORED.values(), ids=IGNORED)
def test_a_message_that_is_not_ours_to_take_is_ignored_and_logged(session, topic, message, logged):
    sent = broker(publish(topic, message), publish(NOTIFY, b'{"what": "check"}'))
    lines, _ = session(sent, heard=2)
    assert heard(lines) == [{"what": "online"}, {"what": "check"}]
    assert any(logged in line for line in lines)


WRECKS = {
    "a topic longer than its packet": b"\x30\x04\xff\xff\x00\x00",
    "a packet without content": b"\x30\x00",
    "a length that never ends": b"\x30\xff\xff\xff\xff\xff",
    "no MQTT at all": b"HTTP/1.1 400 Bad Request\r\n\r\n",
}


@pytest.mark.parametrize("data", WRECKS.values(), ids=WRECKS)
def test_bytes_that_are_no_mqtt_do_no_harm(session, data):
    lines, _requests = session(broker(data), logged="link:", heard=1)
    assert not [line for line in lines if "Traceback" in line]


def test_a_broker_that_refuses_us_is_logged(session):
    lines, _ = session(broker(answer=b"\x20\x02\x00\x05"), heard=0, logged="refuses us")
    assert any("cut the broker refuses us MQTTException(5,)" in line for line in lines)


def test_a_broker_of_another_name_is_refused(session, authority):
    _lines, requests = session(
        broker(), heard=0, logged="tls", certificate=authority.leaf("other")
    )
    assert requests == []


def test_a_broker_that_stalls_is_left_at_the_deadline(session):
    more = "import device.link\ndevice.link._LOGIN_MS = 1000\n"
    lines, _ = session(
        lambda server, peer: server.is_over.wait(20), heard=0, logged="logging on", more=more
    )
    assert any("timeout logging on" in line for line in lines)


def test_what_an_app_publishes_arrives_below_data(session):
    more = """
sent = False
async def step():
    global sent
    if rig.link.is_online and not sent:
        sent = rig.link.publish("data/room", {"celsius": 21})
        given[3] = "online"
        await asyncio.sleep_ms(400)
"""
    _, requests = session(broker(), logged="never", more=more)
    assert (0x30, b'\x00\x1empfleet/246f28010203/data/room{"celsius": 21}') in requests


def test_a_message_over_4_kb_is_the_callers_mistake(on_board, authority):
    script = """
from rig import Rig
try:
    Rig(1, given[0]).link.publish("data/x", "y" * 5000)
except ValueError as e:
    print(e)
"""
    assert on_board(script, authority.der_hex) == ["message of 5002 bytes: 4096 at most"]


def test_a_session_ends_while_paused_and_comes_back(session):
    more = """
async def step():
    if len(rig.heard) == 1 and rig.link.is_online:
        await rig.link.pause()
        print("online", rig.link.is_online)
        rig.link.resume()
"""
    lines, requests = session(broker(), heard=2, more=more)
    assert ("online False" in lines, [kind for kind, _ in requests].count(0x10)) == (True, 2)
