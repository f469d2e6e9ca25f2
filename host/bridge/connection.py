"""How the bridge reaches its broker: the embedded one beside it, or one that settings name."""

import ssl
from functools import partial

import aiomqtt

_CLIENT_ID = "bridge"
_KEEP_ALIVE_S = 30
_WAITING_MAX = 10_000  # messages; a fleet that comes back all at once


def embedded(address, port, password, ca_pem):
    """A maker of clients for the embedded broker."""
    tls = ssl.create_default_context(cadata=ca_pem)
    tls.check_hostname = False  # whatever it listens on; this CA certifies nothing but this host
    return partial(_client, address, port, _CLIENT_ID, password, _CLIENT_ID, tls)


def external(settings):
    """A maker of clients for the broker of the settings; takes a client id for taking one over."""
    host, _, port = settings.broker.rpartition(":")
    tls = ssl.create_default_context(cafile=settings.broker_ca)

    def connect(client_id=_CLIENT_ID):
        user, password = settings.broker_user, settings.broker_password
        return _client(host.strip("[]"), int(port), user, password, client_id, tls)

    return connect


async def take_over(connect, device_id):
    """End a device's session on a broker that we only know as a client: be it, for a moment."""
    async with connect(device_id):
        pass


def _client(address, port, user, password, client_id, tls):
    return aiomqtt.Client(
        address,
        port,
        username=user,
        password=password,
        identifier=client_id,
        tls_context=tls,
        keepalive=_KEEP_ALIVE_S,
        max_queued_incoming_messages=_WAITING_MAX,
    )
