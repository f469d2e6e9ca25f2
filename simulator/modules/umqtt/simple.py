"""A stand-in for umqtt.simple, which no package registry carries: MQTT 3.1.1 with the upstream
module's interface.

It is for virtual boards only; a real board runs the module its firmware brings. Written from the
MQTT specification and the upstream documentation; it blocks where the upstream module blocks, so
that a time-out has to be set where there.
"""

import socket
import struct

_CONNACK, _PUBLISH, _PUBACK, _SUBACK, _UNSUBACK, _PINGRESP = 0x20, 0x30, 0x40, 0x90, 0xB0, 0xD0
_REFUSED = 0x80


class MQTTException(Exception):
    """The broker said no; the argument is its code."""


class MQTTClient:
    """A connection to a broker. `ssl` is True or an object with `wrap_socket`."""

    def __init__(
        self,
        client_id,
        server,
        port=0,
        user=None,
        password=None,
        keepalive=0,
        ssl=None,
        ssl_params={},
    ):
        self.client_id = client_id
        self.server = server
        self.port = port or (8883 if ssl else 1883)
        self.ssl = ssl
        self.ssl_params = ssl_params
        self.user = user
        self.pswd = password
        self.keepalive = keepalive
        self.sock = None
        self.cb = None
        self.pid = 0
        self.lw_topic = None
        self.lw_msg = None
        self.lw_qos = 0
        self.lw_retain = False

    def set_callback(self, f):
        self.cb = f

    def set_last_will(self, topic, msg, retain=False, qos=0):
        if not topic or not 0 <= qos <= 2:
            raise AssertionError
        self.lw_topic, self.lw_msg, self.lw_retain, self.lw_qos = topic, msg, retain, qos

    def connect(self, clean_session=True, timeout=None):
        if self.sock:
            self.sock.close()
        self.sock = socket.socket()
        self.sock.settimeout(timeout)
        self.sock.connect(socket.getaddrinfo(self.server, self.port)[0][-1])
        if self.ssl is True:
            import ssl

            self.sock = ssl.wrap_socket(self.sock, **self.ssl_params)
        elif self.ssl:
            self.sock = self.ssl.wrap_socket(self.sock, server_hostname=self.server)
        self._send_connect(clean_session)
        answer = self.sock.read(4)
        if answer[:2] != b"\x20\x02":
            raise AssertionError
        if answer[3]:
            raise MQTTException(answer[3])
        return answer[2] & 1

    def _send_connect(self, clean_session):
        flags = clean_session << 1
        fields = [self.client_id]
        if self.lw_topic:
            flags |= 0x04 | self.lw_qos << 3 | self.lw_retain << 5
            fields += [self.lw_topic, self.lw_msg]
        if self.user:
            flags |= 0xC0
            fields += [self.user, self.pswd]
        head = b"\x00\x04MQTT\x04" + struct.pack("!BH", flags, self.keepalive)
        self._send(0x10, head + b"".join(_field(f) for f in fields))

    def disconnect(self):
        self.sock.write(b"\xe0\x00")
        self.sock.close()

    def ping(self):
        self.sock.write(b"\xc0\x00")

    def publish(self, topic, msg, retain=False, qos=0):
        if qos > 1:
            raise AssertionError
        head = _field(topic)
        if qos:
            self.pid += 1
            head += struct.pack("!H", self.pid)
        self._send(_PUBLISH | qos << 1 | retain, head, msg)
        if qos:
            self._wait_for(_PUBACK, self.pid, 3)

    def subscribe(self, topic, qos=0):
        if self.cb is None:
            raise AssertionError("Subscribe callback is not set")
        self.pid += 1
        self._send(0x82, struct.pack("!H", self.pid) + _field(topic) + bytes([qos]))
        answer = self._wait_for(_SUBACK, self.pid, 4)
        if answer[3] == _REFUSED:
            raise MQTTException(answer[3])

    def unsubscribe(self, topic):
        self.pid += 1
        self._send(0xA2, struct.pack("!H", self.pid) + _field(topic))
        self._wait_for(_UNSUBACK, self.pid, 3)

    def wait_msg(self):
        kind = self.sock.read(1)
        self.sock.setblocking(True)
        if kind is None:
            return None
        if not kind:
            raise OSError(-1)
        kind = kind[0]
        if kind == _PINGRESP:
            self.sock.read(1)
            return None
        if kind & 0xF0 == _PUBLISH:
            self._take_message(kind)
        return kind

    def check_msg(self):
        self.sock.setblocking(False)
        return self.wait_msg()

    def _take_message(self, kind):
        size = self._read_length()
        topic = self.sock.read(self._read_u16())
        size -= len(topic) + 2
        qos = kind >> 1 & 3
        if qos:
            pid = self._read_u16()
            size -= 2
        self.cb(topic, self.sock.read(size))
        if qos == 1:
            self.sock.write(b"\x40\x02" + struct.pack("!H", pid))
        elif qos == 2:
            raise AssertionError

    def _wait_for(self, kind, pid, size):
        """The rest of the acknowledgement for this packet; messages that come before it are
        handled.
        """
        while True:
            if self.wait_msg() == kind:
                answer = self.sock.read(size)
                if (answer[1] << 8 | answer[2]) == pid:
                    return answer

    def _read_u16(self):
        raw = self.sock.read(2)
        return raw[0] << 8 | raw[1]

    def _read_length(self):
        length = shift = 0
        while True:
            byte = self.sock.read(1)[0]
            length |= (byte & 0x7F) << shift
            if not byte & 0x80:
                return length
            shift += 7

    def _send(self, kind, head, body=b""):
        left = len(head) + len(body)
        packet = bytearray([kind])
        while left > 0x7F:
            packet.append(left & 0x7F | 0x80)
            left >>= 7
        packet.append(left)
        self.sock.write(packet + head)
        if body:
            self.sock.write(body)


def _field(text):
    raw = text.encode() if isinstance(text, str) else text
    return struct.pack("!H", len(raw)) + raw
