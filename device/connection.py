"""Verified TLS connections to the fleet's host over sockets that never block.

Every wait gives the loop away, and ends. Waiting is trying again after a short sleep: that needs
no task, allocates nothing, and drives the TLS handshake too, which mbedTLS carries on inside each
read and write.
"""

import asyncio
import errno
import select
import socket
import time

from micropython import const

from device.errors import NetworkError
from device.power import is_starved

_CONNECT_MS = const(8000)
_HANDSHAKE_MS = 20000  # an ESP32 needs one to two seconds
_WAIT_MS = 15000  # for the next byte
_NAP_MS = const(20)  # longest sleep between two tries
_LINE_BYTES = const(64)  # asked for at a time: MicroPython makes room for all that it is asked for
# mbedTLS: certificate verification failed, on firmwares without the texts
_X509_FAILED = const(-9984)
_CONN_EOF = const(-29312)
_ENOMEM = const(12)
_MPI_ENOMEM = const(16)  # mbedTLS's -16, a failed allocation for a big number, comes out as this
_WORDS = {
    errno.ECONNREFUSED: "refused-connection",
    errno.ETIMEDOUT: "timeout",
    errno.EHOSTUNREACH: "no-route",
    errno.ENOBUFS: "out-of-memory",
    _ENOMEM: "out-of-memory",
    _MPI_ENOMEM: "out-of-memory",
}


def network_error(e, where):
    """NetworkError with the word for what a socket raised; a ValueError is a certificate's."""
    number = e.errno if isinstance(e, OSError) else None
    if number is None or (number < 0 and number != _CONN_EOF):
        text = str(e).replace("\n", " ").strip()
        # "X509 - Allocation of memory failed" and the like: a handshake takes 10 kB for a moment
        is_memory = "alloc" in text.lower() or is_starved()
        return NetworkError("out-of-memory" if is_memory else "tls", where, text)
    return NetworkError(_WORDS.get(number, "cut"), where, number)


class Host:
    """Where the fleet's host is and how to know it: NVS key `host` (SPEC section 2), the CA."""

    def __init__(self, settings, cas, power):
        self.name = settings.get("name", "mpfleet")
        self.port = settings.get("port", 8443)
        self.mqtt_port = settings.get("mqtt_port", 8883)
        self._addresses = list(settings.get("addresses", ()))
        self._cas = cas
        # name look-ups hold the loop: a reset in there is not the application's fault
        self._power = power
        self._context = None

    @property
    def address(self):
        """The address that answered last, or the first one."""
        return self._addresses[0] if self._addresses else ""

    def error(self, e):
        """NetworkError for what a socket to the host raised."""
        return network_error(e, self.address)

    def is_out_of_time(self, e):
        """Whether a certificate has expired, is not valid yet, or no text says what is wrong."""
        text = e.detail()
        return e.code == "tls" and ("validity" in text or str(_X509_FAILED) in text)

    def context(self):
        """TLS settings that take certificates of these CAs only; made once, for it costs RAM."""
        if self._context is None:
            import ssl

            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            # the stub forgets it
            context.verify_mode = ssl.CERT_REQUIRED  # type: ignore[attr-defined]
            try:
                for ca in self._cas:
                    context.load_verify_locations(cadata=ca)
            except (ValueError, OSError, TypeError) as e:
                raise NetworkError("tls", "the CA of this board is no certificate", repr(e))
            self._context = context
        return self._context

    async def open(self, port):
        """Connected socket; tries every address in turn and remembers the one that answered."""
        failure = NetworkError("no-route", "no address of the host is known")
        for address in list(self._addresses):
            try:
                sock = await self._connect(address, port)
            except NetworkError as e:
                failure = e
                continue
            self._addresses.remove(address)
            self._addresses.insert(0, address)
            return sock
        raise failure

    async def open_tls(self, port):
        """Connection to the host; the handshake happens with the first write, and raises there."""
        sock = await self.open(port)
        try:
            tls = self.context().wrap_socket(
                sock, server_hostname=self.name, do_handshake_on_connect=False
            )
        except (OSError, ValueError) as e:
            sock.close()
            raise self.error(e)
        return Connection(sock, tls, self.address)

    def resolve(self, address, port):
        """getaddrinfo's answer for an address; may hold the loop while a name is looked up."""
        try:
            with self._power:
                return socket.getaddrinfo(address, port, 0, socket.SOCK_STREAM)[0]
        except (OSError, IndexError):
            raise NetworkError("name-lookup", address)

    async def _connect(self, address, port):
        info = self.resolve(address, port)
        try:
            sock = socket.socket(info[0], info[1], info[2])
        except OSError as e:  # no memory, or all sockets are taken
            raise network_error(e, address)
        try:
            sock.setblocking(False)
            try:
                sock.connect(info[-1])
            except OSError as e:
                if e.errno != errno.EINPROGRESS:
                    raise
            await _writable(sock, address)
        except OSError as e:
            sock.close()
            raise network_error(e, address)
        except BaseException:  # cancelled, or timed out: the socket must not stay open
            sock.close()
            raise
        return sock


async def _writable(sock, address):
    poller = select.poll()
    # lwIP says of a refused connection only that it is writable, unless asked for errors, too
    poller.register(sock, select.POLLOUT | select.POLLHUP)
    start = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), start) < _CONNECT_MS:
        for _, event in poller.ipoll(0):
            if event & (select.POLLERR | select.POLLHUP):
                raise NetworkError("refused-connection", address)
            return
        await asyncio.sleep_ms(_NAP_MS)
    raise NetworkError("timeout", address, "connecting")


class Connection:
    """A TLS connection; close() it whatever happens. Raises NetworkError only."""

    def __init__(self, sock, tls, where):
        self._sock = sock
        self._tls = tls
        self._where = where

    def try_readinto(self, view):
        """Bytes read into `view`, 0 at the end, None while there is nothing."""
        try:
            return self._tls.readinto(view)
        except (OSError, ValueError) as e:
            raise network_error(e, self._where)

    async def readinto(self, view):
        """Bytes read into `view`, 0 at the end."""
        n = self.try_readinto(view)
        if n is None:
            start = time.ticks_ms()
            nap_ms = 0
            while n is None:
                nap_ms = await self._nap(nap_ms, start, _WAIT_MS)
                n = self.try_readinto(view)
        return n

    async def readline(self, limit):
        """A line without its end, or what came before the limit; None at the end of the stream."""
        line = b""
        start = time.ticks_ms()
        nap_ms = 0
        while len(line) < limit and not line.endswith(b"\n"):
            try:
                more = self._tls.readline(min(limit - len(line), _LINE_BYTES))
            except (OSError, ValueError) as e:
                raise network_error(e, self._where)
            if more is None:
                nap_ms = await self._nap(nap_ms, start, _WAIT_MS)
            elif more:
                line += more
            else:
                return None
        return line.rstrip()

    async def write(self, data):
        """Send all of it; the first call drives the handshake."""
        view = memoryview(data)
        start = time.ticks_ms()
        nap_ms = 0
        while len(view):
            try:
                n = self._tls.write(view)
            except (OSError, ValueError) as e:
                raise network_error(e, self._where)
            if n:
                view = view[n:]
            else:
                nap_ms = await self._nap(nap_ms, start, _HANDSHAKE_MS)

    async def _nap(self, nap_ms, start, limit_ms):
        if time.ticks_diff(time.ticks_ms(), start) > limit_ms:
            raise NetworkError("out-of-memory" if is_starved() else "timeout", self._where)
        await asyncio.sleep_ms(nap_ms)
        return min(nap_ms + 1, _NAP_MS)

    def close(self):
        """Close both layers; harmless when done twice."""
        for s in (self._tls, self._sock):
            try:
                s.close()
            except OSError:  # already closed, by us or by a failed handshake
                pass
