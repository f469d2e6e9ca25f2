"""The host's processes: each function runs one until it is told to end (SIGTERM, SIGINT)."""

import asyncio
import logging
import os
import resource
import secrets
import signal
import threading
from asyncio.sslproto import SSLProtocol
from contextlib import suppress
from functools import partial

from granian import Granian
from granian.constants import Interfaces, SSLProtocols
from granian.log import LogLevels

from host import pki
from host.bridge import connection
from host.bridge.bridge import Bridge
from host.bridge.ledger import Ledger
from host.broker.embedded import EmbeddedBroker
from host.engine import tick
from host.extensions import Database
from host.serve import renewal
from host.services import devices

_EVERYWHERE = {"0.0.0.0": None, "::": None}  # noqa: S104 - None: every address, v4 and v6
_WEB_THREADS = 64  # of one worker: a slow download holds one; idle ones cost nothing to speak of
_WEB_RESPAWN_S = 2  # a new worker is up before the old one ends
_WEB_KILL_S = 3  # open pages and keep-alive connections do not hold the end up any longer
_BROKER_STOP_S = 2
_TLS_BUFFER_BYTES = 16 * 1024  # of one connection; asyncio's 256 KiB are 250 MB for 1,000 boards
_FILES = 65536  # a connection each; the soft limit is often 1024

_log = logging.getLogger(__name__)


def run_web(settings):
    """The web server: API for boards, API for people, pages."""
    certificate = pki.folder_for(settings) / pki.SERVER_FILE
    server = Granian(
        "host.wsgi:app",
        address=settings.listen,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=_WEB_THREADS,
        ssl_cert=certificate,
        ssl_key=certificate,
        ssl_protocol_min=SSLProtocols.tls12,  # stock MicroPython has no TLS 1.3
        respawn_failed_workers=True,
        respawn_interval=_WEB_RESPAWN_S,
        workers_kill_timeout=_WEB_KILL_S,
        log_level=LogLevels.error,
    )
    renewal.watch(certificate, partial(os.kill, os.getpid(), signal.SIGHUP))  # respawns workers
    server.serve()


def run_bridge(settings):
    """The embedded broker, unless settings name another one, and the bridge."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
    SSLProtocol.max_size = _TLS_BUFFER_BYTES
    asyncio.run(_until_signalled(_bridge_elsewhere if settings.broker else _broker, settings))


def run_engine(settings):
    """What happens as time passes."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    tick.run(settings, stop)


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
        await Bridge(Ledger(database), connect, broker.end_session).run()
    finally:
        with suppress(TimeoutError):  # the boards notice by themselves
            async with asyncio.timeout(_BROKER_STOP_S):
                await broker.stop()


async def _bridge_elsewhere(settings, database):
    connect = connection.external(settings)
    end_session = partial(connection.take_over, connect)
    await Bridge(Ledger(database), connect, end_session).run()


def _is_device(database, device_id, secret_hex):
    with database.begin() as session:
        return devices.authenticate(session, device_id, secret_hex) is not None
