"""Which bytes are an MQTT packet that a client may send."""

import pytest

from host.broker.packets import BadPacketError, check


def string(text):
    raw = text if isinstance(text, bytes) else text.encode()
    return len(raw).to_bytes(2, "big") + raw


HEAD = string("MQTT") + b"\x04"
CONNECT = HEAD + b"\xee\x00\x3c" + b"".join(map(string, ("id", "t", "gone", "user", "secret")))

GOOD = {
    "connect": (1, 0, HEAD + b"\x02\x00\x3c" + string("id")),
    "connect with all": (1, 0, CONNECT),
    "a last will that is no text": (1, 0, HEAD + b"\x06\0\0\0\1i\0\1t\0\1\xff"),
    "publish": (3, 0, string("t") + b"anything \xff"),
    "publish nothing": (3, 1, string("t")),
    "publish, QoS 1": (3, 2, string("t") + b"\0\1" + b"x"),
    "subscribe": (8, 2, b"\0\1" + string("a") + b"\0" + string("b") + b"\1"),
    "unsubscribe": (10, 2, b"\0\1" + string("a")),
    "ping": (12, 0, b""),
    "disconnect": (14, 0, b""),
}

BAD = {
    "reserved 0": (0, 0, b""),
    "reserved 15": (15, 0, b""),
    "connack, which servers send": (2, 0, b"\0\0"),
    "puback, for nothing we send": (4, 0, b"\0\1"),
    "pubrel of QoS 2": (6, 2, b"\0\1"),
    "publish, QoS 2": (3, 4, string("t") + b"\0\1"),
    "publish, QoS 3": (3, 6, string("t") + b"\0\1"),
    "publish without topic": (3, 0, b"\0"),
    "publish with half a topic": (3, 0, b"\0\5ab"),
    "publish, QoS 1, without id": (3, 2, string("t")),
    "publish with a topic that is not UTF-8": (3, 0, string(b"\xff\xfe")),
    "subscribe with half a filter": (8, 2, b"\0\1\0\5ab"),
    "subscribe without QoS": (8, 2, b"\0\1" + string("a")),
    "subscribe without id": (8, 2, b"\0"),
    "connect with nothing": (1, 0, b""),
    "connect with half a head": (1, 0, HEAD + b"\x02"),
    "connect without client id": (1, 0, HEAD + b"\x02\x00\x3c"),
    "connect with less than its flags say": (1, 0, HEAD + b"\xc2\x00\x3c" + string("id")),
    "connect with more than its flags say": (1, 0, HEAD + b"\x02\0\0" + string("i") + string("u")),
    "ping with a body": (12, 0, b"x"),
}


@pytest.mark.parametrize("packet", GOOD.values(), ids=GOOD)
def test_what_the_standard_lets_a_client_send_passes(packet):
    assert check(*packet) is None


@pytest.mark.parametrize("packet", BAD.values(), ids=BAD)
def test_what_it_does_not_is_refused(packet):
    with pytest.raises(BadPacketError):
        check(*packet)


@pytest.mark.parametrize("length", range(len(CONNECT)))
def test_a_packet_that_is_cut_anywhere_is_refused(length):
    with pytest.raises(BadPacketError):
        check(1, 0, CONNECT[:length])
