"""`mpfleet serve` as a person starts and ends it: real processes, sockets and TLS."""

import asyncio
import contextlib
import datetime as dt
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import aiomqtt
import pytest

from host import pki, settings
from host.crowd import THREADS
from host.serve import handover

MICROPYTHON = shutil.which("micropython", path=f"{Path(sys.executable).parent}")
COMMAND = Path(sys.executable).parent / "mpfleet"
BOARD, SECRET = "aabbccddeeff", "5" * 64


class Serve:
    """A host that runs, and what it said at the start."""

    def __init__(self, data, *options):
        command = [COMMAND, "serve", "--data", data, "--port", "0", "--mqtt-port", "0", *options]
        self.data = data
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # so that a signal for it is not one for us
        )
        self.said = ""

    def wait_for(self, text):
        """Read on until a line has this text; the whole of what was said."""
        for line in self.process.stdout:
            self.said += line
            if text in line:
                return self.said
        pytest.fail(f"it ended without {text!r}: {self.said}")

    def ready(self):
        """Wait for the end of its greeting."""
        self.wait_for("Ctrl-C")
        return self

    def found(self, pattern):
        """What it said that matches."""
        return re.search(pattern, self.said)[1]

    @property
    def port(self):
        return int(self.found(r"HTTPS port (\d+)"))

    @property
    def mqtt_port(self):
        return int(self.found(r"MQTT port (\d+)"))

    @property
    def password(self):
        return self.found(r"password (\S+)")

    @property
    def tls(self):
        return ssl.create_default_context(cafile=self.data / "pki" / "ca.pem")

    def connection(self):
        """An HTTPS connection that verified the fleet's name, not the address."""
        return Connection("mpfleet", self.port, context=self.tls, timeout=10)

    def ask(self, method, path, value=None, token=None):
        """Status and JSON of an answer."""
        with contextlib.closing(self.connection()) as connection:
            return ask(connection, method, path, value, token)

    def sign_in(self, password):
        """A token for the first account."""
        given = {"email": "admin@mpfleet", "password": password}
        return self.ask("POST", "/api/v1/tokens", given)[1]["token"]

    def end(self, number=signal.SIGINT):
        """Its exit status, once it and all that it started have gone."""
        self.process.send_signal(number)
        self.said += self.process.stdout.read()  # its processes hold the pipe, too
        return self.process.wait()


class Connection(http.client.HTTPSConnection):
    """Connects to this machine, whatever the name."""

    def connect(self):
        plain = socket.create_connection(("127.0.0.1", self.port), self.timeout)
        self.sock = self._context.wrap_socket(plain, server_hostname=self.host)


def ask(connection, method, path, value=None, token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    headers["Content-Type"] = "application/json"
    connection.request(method, path, json.dumps(value) if value is not None else None, headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


@contextlib.contextmanager
def serving(data, *options):
    host = Serve(data, *options)
    try:
        yield host
    finally:
        if host.process.poll() is None:
            host.process.kill()  # its processes end when the pipe to it closes
        host.process.stdout.read()
        host.process.stdout.close()
        host.process.wait()


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """One host for the tests that leave it running."""
    with serving(tmp_path_factory.mktemp("serve") / "data") as host:
        yield host.ready()


def test_the_first_run_says_all_that_one_needs(host):
    status, fleet = host.ask("GET", "/api/v1/fleet")
    colons = host.found(r"\n\s+((?:[0-9A-F]{2}:){31}[0-9A-F]{2})\n")
    assert (status, fleet["ca_sha256"]) == (200, colons.replace(":", "").lower())
    assert host.ask("GET", "/api/v1/me", token=host.sign_in(host.password))[1]["role"] == "admin"


def test_secrets_are_for_their_owner_only(host):
    open_to_others = [
        path.name
        for path in host.data.rglob("*")
        if path.is_file() and path.name in ("ca.key", "server.pem", "secret_key")
        if path.stat().st_mode & 0o077
    ]
    assert (host.data.stat().st_mode & 0o077, open_to_others) == (0, [])


@pytest.mark.parametrize("version", (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3))
def test_web_and_broker_speak_the_tls_of_boards_and_of_browsers(host, version):
    tls = host.tls
    tls.minimum_version = tls.maximum_version = version
    spoken = set()
    for port in (host.port, host.mqtt_port):
        with (
            socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
            tls.wrap_socket(plain, server_hostname="mpfleet") as wrapped,
        ):
            spoken.add(wrapped.version())
    assert spoken == {version.name.replace("v1_", "v1.")}


BOARD_SOURCE = """
import socket, ssl, sys
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
tls.verify_mode = ssl.CERT_REQUIRED
with open(sys.argv[1], "rb") as f:
    tls.load_verify_locations(cadata=f.read())
hello = {"web": b"GET /api/v1/fleet HTTP/1.1\\r\\nHost: mpfleet\\r\\n\\r\\n",
         "broker": b"\\x10\\x0c\\0\\4MQTT\\4\\2\\0\\x3c\\0\\0"}
for name, port in (("web", sys.argv[2]), ("broker", sys.argv[3])):
    s = socket.socket()
    s.connect(socket.getaddrinfo("127.0.0.1", int(port))[0][-1])
    s = tls.wrap_socket(s, server_hostname="mpfleet")
    s.write(hello[name])
    print(s.read(4))
"""


@pytest.mark.skipif(not MICROPYTHON, reason="no MicroPython for this machine")
def test_bodies_that_never_end_keep_nobody_out(host):
    with contextlib.ExitStack() as stack:
        for _ in range(3 * THREADS):  # more than both workers have threads
            connection = stack.enter_context(contextlib.closing(host.connection()))
            connection.putrequest("POST", "/api/device/v1/register")
            connection.putheader("Content-Length", "900")
            connection.endheaders(b"{")
        assert host.ask("GET", "/api/v1/fleet")[0] == 200


def test_a_board_verifies_and_is_answered_by_web_and_broker(host, tmp_path):
    (tmp_path / "ca.der").write_bytes(pki.ca_der(host.data / "pki"))
    (tmp_path / "board.py").write_text(BOARD_SOURCE)
    ports = [str(host.port), str(host.mqtt_port)]
    command = [MICROPYTHON, tmp_path / "board.py", tmp_path / "ca.der", *ports]
    board = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert board.stdout.splitlines() == ["b'HTTP'", r"b' \x02\x00\x04'"], board


def test_a_port_in_use_is_said_before_anything_is_made(host, tmp_path):
    with serving(tmp_path / "data", "--mqtt-port", str(host.mqtt_port)) as second:
        said = second.process.stdout.read()
        assert second.process.wait() == 1
    assert re.search(rf"port {host.mqtt_port} on 127\.0\.0\.1.*--mqtt-port", said)
    made = [path.name for path in (tmp_path / "data").glob("*")]
    assert (made, "password" in said) == ([], False)


def test_a_second_host_on_the_same_data_is_refused(host):
    with serving(host.data) as second:
        said = second.process.stdout.read()
        assert second.process.wait() == 1
    assert "in use by another mpfleet serve" in said


def register(host):
    fields = {"id": BOARD, "secret": SECRET, "product": "blink", "model": "ESP32_GENERIC"}
    return host.ask("POST", "/api/device/v1/register", fields)[1]


def test_a_board_comes_online_is_notified_and_retired(host):
    token = host.sign_in(host.password)
    code = register(host)["claim_code"]
    host.ask("POST", "/api/v1/devices/claim", {"code": code}, token)

    def board():
        return aiomqtt.Client(
            "127.0.0.1",
            host.mqtt_port,
            identifier=BOARD,
            username=BOARD,
            password=SECRET,
            tls_context=host.tls,
            timeout=5,
        )

    def device():
        return host.ask("GET", f"/api/v1/devices/{BOARD}", token=token)[1]

    async def live():
        async with asyncio.timeout(10), board() as client:
            await client.subscribe(f"mpfleet/{BOARD}/notify")
            status = json.dumps({"online": True, "number": 4})
            await client.publish(f"mpfleet/{BOARD}/status", status, retain=True)
            while not (await asyncio.to_thread(device))["online"]:
                await asyncio.sleep(0.05)
            path = f"/api/v1/devices/{BOARD}"
            await asyncio.to_thread(host.ask, "POST", f"{path}/update-now", {}, token)
            told = json.loads((await anext(client.messages)).payload)
            await asyncio.to_thread(host.ask, "DELETE", path, None, token)
            try:
                async for _ in client.messages:
                    pass  # the claim said "check", too
            except aiomqtt.MqttError:
                return told, "ended"

    assert asyncio.run(live()) == ({"what": "check"}, "ended")


def children(pid):
    """The processes that a process started, by role."""
    found = {}
    for line in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        command = Path(f"/proc/{line}/cmdline").read_bytes().split(b"\0")
        found[command[-2].decode()] = int(line)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes by /proc")
def test_a_process_that_dies_is_started_again_and_that_is_said(host):
    os.kill(children(host.process.pid)["bridge"], signal.SIGKILL)
    host.wait_for("bridge ended (SIGKILL); it starts again in 0.5 s")
    host.wait_for("connected to the broker")
    assert set(children(host.process.pid)) == {"web", "bridge", "engine"}


# The last ones end what they started


def held_open(host, count=4):
    """Keep-alive connections in use by a page, and one that only began."""
    held = [host.connection() for _ in range(count)]
    for connection in held:
        ask(connection, "GET", "/api/v1/fleet")
    return [*held, socket.create_connection(("127.0.0.1", host.mqtt_port))]


def test_ctrl_c_ends_all_with_pages_open_and_the_next_run_finds_everything(tmp_path):
    with serving(tmp_path / "data") as first:
        first.ready()
        held = held_open(first)
        assert first.end(signal.SIGINT) == 0, first.said
        for connection in held:
            connection.close()
    with serving(tmp_path / "data") as second:
        second.ready()
        assert "password" not in second.said
        assert second.sign_in(first.password)
        fingerprint = r"\n\s+([0-9A-F:]{95})\n"
        assert second.found(fingerprint) == first.found(fingerprint)
        assert second.end(signal.SIGTERM) == 0


def test_nothing_stays_behind_when_it_is_killed(tmp_path):
    with serving(tmp_path / "data") as host:
        host.ready()
        assert host.end(signal.SIGKILL) == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes by /proc")
def test_nothing_stays_behind_when_its_processes_are_killed_with_it(tmp_path):
    with serving(tmp_path / "data") as host:
        host.ready()
        for pid in (*children(host.process.pid).values(), host.process.pid):
            os.kill(pid, signal.SIGKILL)
        host.process.stdout.read()  # until the last that has the pipe is gone
        with socket.create_server(("127.0.0.1", host.port)):
            pass  # the next host finds its port free


def test_a_worker_that_starts_after_its_server_was_killed_ends(tmp_path):
    server = subprocess.Popen([sys.executable, "-c", ""])
    server.wait()
    environment = handover.give(settings.load(tmp_path)) | {"MPFLEET_SERVER_PID": str(server.pid)}
    command = [sys.executable, "-c", "import host.wsgi, time; time.sleep(60)"]
    worker = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    assert (worker.returncode, worker.stderr) == (1, "")


def test_web_alone_takes_a_renewed_certificate_without_a_pause(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    given = settings.load(tmp_path, port=port).model_copy(update={"workers": 1})
    now = dt.datetime.now(dt.UTC)
    pki.ensure_for(given, now)
    command = [sys.executable, "-m", "host.serve", "web"]
    environment = handover.give(given)
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE) as web:
        try:
            first = certificate(port)
            moved = given.model_copy(update={"addresses": ("10.0.0.9",)})
            assert pki.ensure_for(moved, now) is True
            web.send_signal(signal.SIGHUP)
            deadline = time.monotonic() + 15
            while (shown := certificate(port)) == first and time.monotonic() < deadline:
                time.sleep(0.05)  # for a while the old worker answers, too
            assert shown != first
        finally:
            web.terminate()


def test_people_are_served_with_a_certificate_of_their_own_beside_the_boards(tmp_path):
    now, files = dt.datetime.now(dt.UTC), tmp_path / "people"
    pki.ensure(files, "people", ("127.0.0.1",), now)
    pair = str(files / pki.SERVER_FILE)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"https://127.0.0.1:{port}"
    options = ("--console-url", url, "--console-certificate", pair, "--console-key", pair)
    with serving(tmp_path / "data", *options, "--console-port", str(port)) as host:
        host.ready()
        assert certificate(port) != certificate(host.port)
        people = ssl.create_default_context(cafile=files / "ca.pem")
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=people, timeout=10)
        with contextlib.closing(connection):
            status, fleet = ask(connection, "GET", "/api/v1/fleet")
        assert (status, fleet["console"]) == (200, url)


def test_a_process_alone_prepares_what_it_needs(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    given = {"MPFLEET_DATA_FOLDER": str(tmp_path / "data"), "MPFLEET_MQTT_PORT": str(port)}
    command = [sys.executable, "-m", "host.serve", "bridge"]
    with subprocess.Popen(command, env={**os.environ, **given}) as bridge:
        try:
            assert "BEGIN CERTIFICATE" in certificate(port)
        finally:
            bridge.terminate()
    assert bridge.returncode == 0


def certificate(port):
    """The certificate that a server shows, waiting for it to come up, but not once it is up."""
    deadline = time.monotonic() + 15
    while True:
        try:
            return ssl.get_server_certificate(("127.0.0.1", port), timeout=5)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
