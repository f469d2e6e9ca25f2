"""A small fleet on one machine: a host in processes of its own, virtual boards, a client."""

import base64
import secrets
import ssl
import time
from pathlib import Path

from host import deploy
from host.builder import application, release
from host.cli import verification
from host.cli.release import publish as upload
from host.deploy.plan import Network, Plan
from host.rig.process import HostProcess, NoHostError
from simulator import AccessPoint, VirtualBoard

HOME = AccessPoint("home", "correct horse")
_SAID_FILE = "passphrase"  # in the data folder


class FleetError(Exception):
    """The fleet did not do what was expected of it; the text says what it did instead."""


class Host(HostProcess):
    """A host on a data folder, whose passphrase lies in there."""

    def __init__(self, folder, port=8443, mqtt_port=8883, output=None, options=()):
        self.folder, self.port, self.mqtt_port = Path(folder), port, mqtt_port
        options = ["--port", str(port), "--mqtt-port", str(mqtt_port), *options]
        if self._passphrase_file():
            options += ["--passphrase-file", str(self.folder / _SAID_FILE)]
        super().__init__(self.folder, f"https://127.0.0.1:{port}", options, output)

    def _passphrase_file(self):
        """A passphrase on disk beside the keys it opens: for play, where nobody is to be asked."""
        path = self.folder / _SAID_FILE
        if not path.exists() and not (self.folder / "keys").exists():
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(15) + "\n")
        return path.exists()

    def wait_until_ready(self):
        """Return once the host answers.

        Raises: FleetError when it ended, or does not answer within a minute.
        """
        try:
            super().wait_until_ready()
        except NoHostError as error:
            raise FleetError(str(error)) from error

    @property
    def passphrase(self):
        """What opens the fleet's keys; "" where a host of this folder made them by itself."""
        path = self.folder / _SAID_FILE
        return path.read_text().strip() if path.exists() else ""


def new_board(folder, index, **options):
    """A virtual board with an id of its own, switched off: bare MicroPython, nothing of ours."""
    folder.mkdir(parents=True, exist_ok=True)
    unique_id = bytes((0x24, 0x0A, 0xC4, 0x00, index >> 8, index & 0xFF))
    return VirtualBoard(folder, unique_id=unique_id, access_points=[HOME], **options)


def plan_for(client, product, host, **more):
    """A plan for a board of this fleet; `more` are fields of `Plan`."""
    fleet = client.fleet()
    return Plan(
        product=product,
        addresses=["127.0.0.1"],
        port=host.port,
        mqtt_port=host.mqtt_port,
        fleet=fleet["name"],
        ca_der=ssl.PEM_cert_to_DER_cert(fleet["ca"].strip()),
        root=base64.b64decode(fleet["root"]),
        model="ESP32_GENERIC",
        **more,
    )


def set_up(board, client, product, host, report=lambda event: None, **config):
    """Deploy a board that is switched on, through its serial port, exactly as a real one.

    Raises: FleetError when it did not come online.
    """
    watchdog_s = config.pop("watchdog_s", None)
    wifi = [Network(HOME.ssid, HOME.password)]
    plan = plan_for(client, product, host, wifi=wifi, watchdog_s=watchdog_s, config=config)
    outcome = deploy.deploy(board.port, plan, client, report)
    if not outcome.is_online:
        raise FleetError("the board did not come online:\n" + "\n".join(outcome.output[-20:]))
    return outcome


def publish(client, folder, passphrase):
    """Build the next release of an app folder, have it tried, approve it; returns its number."""
    product = application.read(folder).product
    built = release.build(folder, client.next_number(product), int(time.time()))
    upload(client, built)
    found = verification.follow(client, built.product, built.number)
    if found["state"] == "rejected":
        raise FleetError(verification.text(found))
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
