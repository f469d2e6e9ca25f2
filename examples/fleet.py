"""A small fleet on one machine: a host in processes of its own, virtual boards, a client."""

import base64
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

from host import deploy, settings
from host.builder import application, release
from host.cli.client import ApiError, Client
from host.cli.profile import Profile
from host.cli.release import publish as upload
from host.deploy.plan import Network, Plan
from host.extensions import Database
from host.services import accounts
from simulator import AccessPoint, VirtualBoard

HOME = AccessPoint("home", "correct horse")
_READY_S = 60
_STOP_S = 5
_SAID_FILE = "passphrase"  # in the data folder


class FleetError(Exception):
    """The fleet did not do what was expected of it; the text says what it did instead."""


def free_port():
    """A TCP port of the loopback that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Host:
    """`mpfleet serve` on a data folder, as a process."""

    def __init__(self, folder, port=8443, mqtt_port=8883, output=None):
        self.folder, self.port, self.mqtt_port = Path(folder), port, mqtt_port
        command = [sys.executable, "-m", "host.cli", "serve", "--data", str(folder)]
        command += ["--port", str(port), "--mqtt-port", str(mqtt_port)]
        if self._passphrase_file():
            command += ["--passphrase-file", str(self.folder / _SAID_FILE)]
        # A session of its own: Ctrl-C reaches it through stop(), after the boards.
        self._process = subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True
        )

    def _passphrase_file(self):
        """A passphrase on disk beside the keys it opens: for play, where nobody is to be asked."""
        path = self.folder / _SAID_FILE
        if not path.exists() and not (self.folder / "keys").exists():
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(15) + "\n")
        return path.exists()

    @property
    def passphrase(self):
        """What opens the fleet's keys; "" where a host of this folder made them by itself."""
        path = self.folder / _SAID_FILE
        return path.read_text().strip() if path.exists() else ""

    @property
    def url(self):
        """Where it is reached from here."""
        return f"https://127.0.0.1:{self.port}"

    def wait_until_ready(self):
        """Return a client without a token once the host answers.

        Raises: FleetError when it ended, or does not answer within a minute.
        """
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise FleetError(f"the host ended with status {self._process.returncode}")
            ca = self.folder / "pki" / "ca.pem"
            if ca.exists() and self._answers(ca.read_text()):
                return
            time.sleep(0.1)
        raise FleetError(f"the host does not answer on {self.url}")

    def _answers(self, ca):
        client = Client(Profile(self.url, "mpfleet", ca))
        try:
            client.fleet()
        except ApiError:
            return False
        finally:
            client.close()
        return True

    def sign_in(self):
        """A client of the first admin: whoever may write in the data folder needs no password."""
        database = Database(settings.load(self.folder).url)
        with database.begin() as session:
            admin = next(u for u in accounts.everyone(session) if u.role == "admin")
            token, _ = accounts.issue(session, admin, "this machine", 24 * 3600)
            email = admin.email
        database.close()
        ca = (self.folder / "pki" / "ca.pem").read_text()
        return Client(Profile(self.url, "mpfleet", ca, token, email))

    def stop(self):
        """End it and wait for its end."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def wait(self, timeout=None):
        """Its exit status, or None if it still runs after `timeout` seconds."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None


def new_board(folder, index, **options):
    """A virtual board with an id of its own, switched off: bare MicroPython, nothing of ours."""
    folder.mkdir(parents=True, exist_ok=True)
    unique_id = bytes((0x24, 0x0A, 0xC4, 0x00, index >> 8, index & 0xFF))
    return VirtualBoard(folder, unique_id=unique_id, access_points=[HOME], **options)


def set_up(board, client, product, host, report=lambda event: None, **config):
    """Deploy a board that is switched on, through its serial port, exactly as a real one.

    Raises: FleetError when it did not come online.
    """
    fleet = client.fleet()
    watchdog_s = config.pop("watchdog_s", None)
    plan = Plan(
        product=product,
        addresses=["127.0.0.1"],
        port=host.port,
        mqtt_port=host.mqtt_port,
        fleet=fleet["name"],
        ca_der=ssl.PEM_cert_to_DER_cert(fleet["ca"].strip()),
        root=base64.b64decode(fleet["root"]),
        wifi=[Network(HOME.ssid, HOME.password)],
        model="ESP32_GENERIC",
        watchdog_s=watchdog_s,
        config=config,
    )
    outcome = deploy.deploy(board.port, plan, client, report)
    if not outcome.is_online:
        raise FleetError("the board did not come online:\n" + "\n".join(outcome.output[-20:]))
    return outcome


def publish(client, folder, passphrase):
    """Build the next release of an app folder, upload and approve it; returns its number."""
    product = application.read(folder).product
    built = release.build(folder, client.next_number(product), int(time.time()))
    upload(client, built)
    if passphrase:
        client.approve(built.product, built.number, passphrase)
    return built.number


def assign(client, device, product, number):
    """Give a device a release."""
    value = {"product": product, "number": number, "devices": [device]}
    return client.send("POST", "/assignments", value)["assignments"][0]["id"]


def wait_for(what, check, timeout_s):
    """What `check` returns as soon as that is true.

    Raises: FleetError after `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = check()
        if found:
            return found
        time.sleep(0.1)
    raise FleetError(f"{what}: not within {timeout_s} s")
