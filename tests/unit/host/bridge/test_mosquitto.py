"""The bridge with a broker that runs elsewhere: Mosquitto, where there is one."""

import asyncio
import contextlib
import datetime as dt
import json
import os
import shutil
import socket
import ssl
import subprocess
from functools import partial

import aiomqtt
import pytest

from host import migrations, pki
from host.bridge import connection
from host.bridge.bridge import Bridge
from host.bridge.ledger import Ledger
from host.extensions import Database
from host.models import Device
from host.services import devices, outbox
from host.settings import Settings

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"  # where Debian puts it
MOSQUITTO = shutil.which("mosquitto", path=PATH)
PASSWD = shutil.which("mosquitto_passwd", path=PATH)
ID, SECRET = "aabbccddeeff", "5" * 64

pytestmark = pytest.mark.skipif(not (MOSQUITTO and PASSWD), reason="no Mosquitto on PATH")


@pytest.fixture
def settings(tmp_path):
    """Settings that name a Mosquitto which runs."""
    given = {"data_folder": tmp_path, "broker_password": "bridge password"}
    settings = Settings.model_validate(given)
    migrations.upgrade(settings)
    pki.ensure_for(settings, dt.datetime.now(dt.UTC))
    for name, password in ((settings.broker_user, settings.broker_password), (ID, SECRET)):
        (tmp_path / "passwords").touch(0o600)
        subprocess.run([PASSWD, "-b", tmp_path / "passwords", name, password], check=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    certificate = pki.folder_for(settings) / "server.pem"
    (tmp_path / "mosquitto.conf").write_text(
        f"user root\nallow_anonymous false\npassword_file {tmp_path}/passwords\n"
        f"listener {port} 127.0.0.1\ncertfile {certificate}\nkeyfile {certificate}\n"
    )
    command = [MOSQUITTO, "-c", tmp_path / "mosquitto.conf"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        ca = pki.folder_for(settings) / "ca.pem"
        yield settings.model_copy(update={"broker": f"127.0.0.1:{port}", "broker_ca": ca})
        process.terminate()


def board(settings):
    return aiomqtt.Client(
        "127.0.0.1",
        int(settings.broker.split(":")[1]),
        identifier=ID,
        username=ID,
        password=SECRET,
        tls_context=ssl.create_default_context(cafile=settings.broker_ca),
        timeout=5,
    )


def test_presence_notify_and_retirement_work_with_mosquitto(settings, monkeypatch):
    monkeypatch.setattr("host.bridge.bridge._RETRY_S", (0.05,))  # until it listens
    database = Database(settings.url)
    with database.begin() as session:
        given = {"secret_digest": "", "state": "claimed", "product": "blink"}
        session.add(Device(id=ID, registered_at=dt.datetime.now(dt.UTC), **given))

    async def scene():
        connect = connection.external(settings)
        bridge = Bridge(Ledger(database), connect, partial(connection.take_over, connect))
        async with asyncio.timeout(15):
            task = asyncio.create_task(bridge.run())
            await up(settings)
            async with board(settings) as client:
                await client.subscribe(f"mpfleet/{ID}/notify")
                await client.publish(f"mpfleet/{ID}/status", b'{"online": true}', retain=True)
                while not online(database):
                    await asyncio.sleep(0.01)
                with database.begin() as session:
                    outbox.put(session, ID, outbox.CHECK)
                told = json.loads((await anext(client.messages)).payload)
                with database.begin() as session:
                    devices.retire(session, session.get(Device, ID), "test")
                with pytest.raises(aiomqtt.MqttError):
                    await anext(client.messages)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        return told

    assert asyncio.run(scene()) == {"what": "check"}
    database.close()


def online(database):
    with database.begin() as session:
        return session.get(Device, ID).online


async def up(settings):
    port = int(settings.broker.split(":")[1])
    while True:
        with contextlib.suppress(ConnectionRefusedError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return await writer.wait_closed()
        await asyncio.sleep(0.05)
