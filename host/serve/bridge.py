"""The bridge process: the embedded broker, unless settings name another, with the bridge."""

import asyncio
import logging
import resource
import secrets
import signal
from asyncio.sslproto import SSLProtocol
from contextlib import suppress
from functools import partial

from host import pki
from host.bridge import connection
from host.bridge.bridge import Bridge
from host.bridge.ledger import Ledger
from host.broker.embedded import EmbeddedBroker
from host.extensions import Database
from host.serve import renewal
from host.services import devices
from host.services.trust import Trust

_EVERYWHERE = {"0.0.0.0": None, "::": None}  # noqa: S104 - None: all addresses, v4 and v6
_BROKER_STOP_S = 2
_TLS_BUFFER_BYTES = 16 * 1024  # of one connection; asyncio's 256 KiB are 250 MB for 1,000 boards
_FILES = 65536  # a connection each; the soft limit is often 1024

_log = logging.getLogger(__name__)


def run(settings):
    """Carry messages until SIGTERM or SIGINT."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
    SSLProtocol.max_size = _TLS_BUFFER_BYTES
    asyncio.run(_until_signalled(_bridge_elsewhere if settings.broker else _broker, settings))


async def _until_signalled(main, settings):
    task = asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    database = Database(settings.url)
    try:
        await main(settings, database)
    except asyncio.CancelledError:
        _log.debug("told to end")
    finally:
        database.close()


async def _broker(settings, database):
    password = secrets.token_hex()
    certificate = pki.folder_for(settings) / pki.SERVER_FILE
    address = _EVERYWHERE.get(settings.listen, settings.listen)
    authenticate = partial(asyncio.to_thread, _is_device, database)
    broker = EmbeddedBroker(address, settings.mqtt_port, certificate, authenticate, password)
    await broker.start()
    loop = asyncio.get_running_loop()
    renewal.watch(certificate, partial(loop.call_soon_threadsafe, broker.reload))
    connect = connection.embedded(
        address or "127.0.0.1", settings.mqtt_port, password, pki.ca_pem(pki.folder_for(settings))
    )
    try:
        await Bridge(_ledger(settings, database), connect, broker.end_session).run()
    finally:
        with suppress(TimeoutError):  # the boards notice by themselves
            async with asyncio.timeout(_BROKER_STOP_S):
                await broker.stop()


async def _bridge_elsewhere(settings, database):
    connect = connection.external(settings)
    end_session = partial(connection.take_over, connect)
    await Bridge(_ledger(settings, database), connect, end_session).run()


def _ledger(settings, database):
    return Ledger(database, Trust(settings.data_folder))


def _is_device(database, device_id, secret_hex):
    with database.look() as session:
        return devices.authenticate(session, device_id, secret_hex) is not None
