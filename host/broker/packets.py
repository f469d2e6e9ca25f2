"""The form of an MQTT 3.1.1 packet from a client, checked before anything parses it for real.

amqtt trusts the lengths inside a packet. One that passes here is consumed to its last byte, so
that no remainder is taken for the header of the next one (which could then claim any size).
"""

PUBLISH = 3
_QOS_2 = 2


class BadPacketError(Exception):
    """The bytes are not what the standard lets a client send; the connection ends."""


def check_kind(kind):
    """Raise BadPacketError unless clients send packets of this kind, whatever the rest."""
    if kind not in _SHAPES:
        raise BadPacketError(f"type {kind} is not for clients to send")


def check(kind, flags, body):
    """Raise BadPacketError unless `body` is a well-formed packet of this kind from a client."""
    check_kind(kind)
    end = _SHAPES[kind](flags, memoryview(body))
    if end != len(body):
        raise BadPacketError(f"type {kind} has {len(body) - end} bytes too many")


def _connect(_flags, body):
    at = _string(body, 0)
    if len(body) < at + 4:
        raise BadPacketError("short")
    flags = body[at + 1]
    at = _string(body, at + 4)  # past level, flags, keep-alive: the client id
    if flags & 0x04:  # last will: topic, message
        at = _field(body, _string(body, at))[1]
    for bit in (0x80, 0x40):  # user name, password
        at = _string(body, at) if flags & bit else at
    return at


def _publish(flags, body):
    qos = flags >> 1 & 3
    if qos >= _QOS_2:
        raise BadPacketError("QoS 2 is not offered")
    at = _string(body, 0) + (2 if qos else 0)
    return max(at, len(body))  # all the rest is payload


def _subscribe(_flags, body):
    return _list(body, 1)


def _unsubscribe(_flags, body):
    return _list(body, 0)


def _list(body, option_bytes):
    at = 2
    while at < len(body):
        at = _string(body, at) + option_bytes
    return at


def _string(body, at):
    field, end = _field(body, at)
    try:
        str(field, "utf-8")
    except UnicodeDecodeError:
        raise BadPacketError("a string that is not UTF-8") from None
    return end


def _field(body, at):
    start = at + 2
    end = start + int.from_bytes(body[at:start], "big")
    if len(body) < max(start, end):
        raise BadPacketError("short")
    return body[start:end], end


def _exactly(size):
    return lambda _flags, _body: size


_SHAPES = {
    1: _connect,
    PUBLISH: _publish,
    8: _subscribe,
    10: _unsubscribe,
    12: _exactly(0),  # PINGREQ
    14: _exactly(0),  # DISCONNECT
}
