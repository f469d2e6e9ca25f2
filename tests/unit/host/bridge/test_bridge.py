"""The bridge between real services and real brokers."""

import asyncio
import contextlib
import datetime as dt
import logging
import ssl
from functools import partial

import aiomqtt
import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from host import migrations, pki
from host.bridge import connection
from host.bridge.bridge import Bridge
from host.bridge.ledger import Ledger
from host.broker.embedded import EmbeddedBroker
from host.extensions import Database
from host.models import Device, Outbox
from host.services import conflicts, devices, outbox, secret
from host.settings import Settings

ID, SECRET = "aabbccddeeff", "5" * 64
NOW = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data folder with certificates and an empty database."""
    folder = tmp_path_factory.mktemp("data")
    settings = Settings(data_folder=folder)
    migrations.upgrade(settings)
    pki.ensure_for(settings, dt.datetime.now(dt.UTC))
    return folder


@pytest.fixture
def database(folder):
    database = Database(Settings(data_folder=folder).url)
    with database.begin() as session:
        session.add(
            Device(
                id=ID,
                secret_digest=secret.digest(SECRET),
                state="claimed",
                product="blink",
                registered_at=NOW,
                online=True,
            )
        )
    yield database
    with database.begin() as session:
        session.delete(session.get(Device, ID))
        for row in session.scalars(select(Outbox)):
            session.delete(row)
    database.close()


class Host:
    """A broker, a bridge and a database, and the one device that they know."""

    def __init__(self, folder, database):
        self.database = database
        self.ca = pki.ca_pem(folder / "pki")
        self.broker = EmbeddedBroker(
            "127.0.0.1", 0, folder / "pki" / "server.pem", self.is_known, "bridge password"
        )

    async def is_known(self, device_id, secret_hex):
        with self.database.begin() as session:
            return devices.authenticate(session, device_id, secret_hex) is not None

    def board(self, **given):
        return aiomqtt.Client(
            "127.0.0.1",
            self.broker.port,
            identifier=ID,
            username=ID,
            password=SECRET,
            tls_context=ssl.create_default_context(cadata=self.ca),
            timeout=5,
            **given,
        )

    def connect(self):
        return connection.embedded("127.0.0.1", self.broker.port, "bridge password", self.ca)()

    def bridge(self, ledger=None):
        ledger = ledger or Ledger(self.database)
        return Bridge(ledger, self.connect, self.broker.end_session)

    def device(self):
        with self.database.begin() as session:
            return session.get(Device, ID)

    def put(self, what):
        with self.database.begin() as session:
            outbox.put(session, ID, what)

    async def until(self, claim):
        """Wait until the device is as claimed; the test's time-out bounds it."""
        while not claim(self.device()):
            await asyncio.sleep(0.01)
        return self.device()


async def listen(board):
    """The board hears what it is told, and says that it is there."""
    await board.subscribe(f"mpfleet/{ID}/notify")
    await board.publish(f"mpfleet/{ID}/status", b'{"online": true}', retain=True)


@contextlib.asynccontextmanager
async def running(host, bridge=None):
    """A bridge that runs in this block, and has subscribed before it begins."""
    task = asyncio.create_task((bridge or host.bridge()).run())
    try:
        while "mpfleet/+/progress" not in host.broker.subscriptions:
            await asyncio.sleep(0.01)
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def play(folder, database):
    """Play a scene, an async function that is given a host with its broker running."""

    async def played(scene):
        async with asyncio.timeout(15):
            host = Host(folder, database)
            await host.broker.start()
            try:
                return await scene(host)
            finally:
                await host.broker.stop()

    return lambda scene: asyncio.run(played(scene))


def test_a_bridge_that_starts_takes_nobody_for_online(play):
    async def scene(host):
        async with running(host):
            return (await host.until(lambda device: not device.online)).online

    assert play(scene) is False


def test_a_status_is_stored(play):
    async def scene(host):
        async with running(host), host.board() as board:
            status = b'{"online": true, "number": 4, "slot": "a", "mode": "active"}'
            await board.publish(f"mpfleet/{ID}/status", status, retain=True)
            device = await host.until(lambda device: device.online)
        return device.number, device.slot, device.mode

    assert play(scene) == (4, "a", "active")


def test_a_status_from_before_the_bridge_came_is_learnt(play):
    async def scene(host):
        async with host.board() as board:
            status = b'{"online": true, "number": 7}'
            await board.publish(f"mpfleet/{ID}/status", status, qos=1, retain=True)
            async with running(host):
                return (await host.until(lambda device: device.number == 7)).online

    assert play(scene) is True


def test_a_last_will_is_stored(play):
    async def scene(host):
        will = aiomqtt.Will(f"mpfleet/{ID}/status", b'{"online": false}', retain=True)
        async with running(host):
            with contextlib.suppress(aiomqtt.MqttError):
                async with host.board(will=will) as board:
                    await board.publish(f"mpfleet/{ID}/status", b'{"online": true}')
                    await host.until(lambda device: device.online)
                    await host.broker.end_session(ID)
            return (await host.until(lambda device: not device.online)).online

    assert play(scene) is False


def test_a_progress_is_stored(play):
    async def scene(host):
        async with running(host), host.board() as board:
            said = b'{"number": 5, "step": "stage", "done": 4096, "total": 20480}'
            await board.publish(f"mpfleet/{ID}/progress", said)
            return (await host.until(lambda device: device.progress)).progress["done"]

    assert play(scene) == 4096


@pytest.mark.parametrize("bad", (b"", b"garbage", b"[" * 1000, b"[1]", b"x" * 4000, b"\xff"))
def test_a_malformed_message_is_logged_and_what_follows_is_heard(play, caplog, bad):
    async def scene(host):
        async with running(host), host.board() as board:
            await board.publish(f"mpfleet/{ID}/status", bad)
            await board.publish(f"mpfleet/{ID}/status", b'{"online": true}')
            return (await host.until(lambda device: device.online)).online

    with caplog.at_level(logging.WARNING):
        assert play(scene) is True
    assert f"ignored mpfleet/{ID}/status" in caplog.text


def test_what_waits_in_the_outbox_is_published_once(play):
    async def scene(host):
        async with host.board() as board, running(host):
            await listen(board)
            host.put(outbox.CHECK)
            first = bytes((await anext(board.messages)).payload)
            host.put(outbox.RETRY_ACTIVE)
            return first, bytes((await anext(board.messages)).payload)

    assert play(scene) == (b'{"what": "check"}', b'{"what": "retry-active"}')


def accept_another_secret(session, device, who):
    device.conflict_digest = secret.digest("6" * 64)
    conflicts.resolve(session, device, True, who)


@pytest.mark.parametrize("shut_out", (devices.retire, accept_another_secret))
def test_who_is_shut_out_loses_the_live_session_and_gets_no_other(play, shut_out):
    async def scene(host):
        async with running(host), host.board() as board:
            with host.database.begin() as session:
                shut_out(session, session.get(Device, ID), "test")
            async with asyncio.timeout(2):
                with pytest.raises(aiomqtt.MqttError):
                    await anext(board.messages)
        with pytest.raises(aiomqtt.MqttError, match="Bad user name or password"):
            await host.board().__aenter__()

    play(scene)


def test_the_bridge_ends_a_session_it_can_only_take_over(play, folder):
    async def scene(host):
        connect = partial(connection._client, "127.0.0.1", host.broker.port, ID, SECRET)
        tls = ssl.create_default_context(cadata=host.ca)
        async with host.board() as board:
            await connection.take_over(lambda device_id: connect(device_id, tls), ID)
            try:
                await anext(board.messages)
            except aiomqtt.MqttError:
                return "ended"

    assert play(scene) == "ended"


class BrokenLedger(Ledger):
    """A ledger whose database is away at first."""

    def __init__(self, database, failures):
        super().__init__(database)
        self.failures = failures

    def waiting(self):
        if self.failures:
            self.failures -= 1
            raise OperationalError("select", {}, Exception("database is locked"))
        return super().waiting()


def test_a_database_that_is_away_is_waited_for(play, monkeypatch):
    monkeypatch.setattr("host.bridge.bridge._RETRY_S", (0, 0))

    async def scene(host):
        bridge = host.bridge(BrokenLedger(host.database, 3))
        async with running(host, bridge), host.board() as board:
            await listen(board)
            host.put(outbox.CHECK)
            return bytes((await anext(board.messages)).payload)

    assert play(scene) == b'{"what": "check"}'


def test_a_broker_that_is_away_is_waited_for(play, monkeypatch):
    monkeypatch.setattr("host.bridge.bridge._RETRY_S", (0, 0))

    async def scene(host):
        attempts = iter(["wrong password", "bridge password"])

        def connect():
            return connection.embedded("127.0.0.1", host.broker.port, next(attempts), host.ca)()

        async with running(host, Bridge(Ledger(host.database), connect, None)):
            return (await host.until(lambda device: not device.online)).online

    assert play(scene) is False


def test_a_message_no_service_can_take_is_dropped_alone(database, monkeypatch, caplog):
    def take(session, device_id, value):
        if value == "poison":
            raise RuntimeError("a bug of ours")
        session.get(Device, device_id).number = value

    monkeypatch.setitem(Ledger.hear.__globals__["_TAKERS"], "status", take)
    Ledger(database).hear([(ID, "status", "poison"), (ID, "status", 9)])
    with database.begin() as session:
        assert session.get(Device, ID).number == 9
    assert "dropped ('aabbccddeeff', 'status', 'poison')" in caplog.text
