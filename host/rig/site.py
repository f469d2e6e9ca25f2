"""The host of a session: `mpfleet serve` in a process and a folder of its own."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

from host import settings
from host.builder.release import Release
from host.cli.client import ApiError, Client
from host.cli.profile import Profile
from host.cli.release import publish
from host.extensions import Database
from host.rig.errors import RigError
from host.rig.file import HostTable
from host.rig.releases import Kind, baseline, variant
from host.services import accounts

_READY_S = 60
_STOP_S = 5


def free_port(address: str = "127.0.0.1") -> int:
    """A TCP port that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


class Site:
    """A host that lives as long as the session, with the releases that it offers.

    The candidate keeps its bytes and its number; the others are made of it.
    """

    def __init__(self, folder: Path, logs: Path, table: HostTable, candidate: Release) -> None:
        self.folder, self.table, self.candidate = folder, table, candidate
        self.port = table.port or free_port()
        self.mqtt_port = table.mqtt_port or free_port()
        self._next = candidate.number + 1
        self._lock = threading.Lock()
        self._passphrase = secrets.token_urlsafe(15)  # of keys that end with the session
        self._log_file = logs / "host.log"
        self._log: IO[bytes] = self._log_file.open("ab")
        self._process = self._start()

    def prepare(self) -> None:
        """Wait until the host answers, and offer the candidate and the release before it.

        Raises:
            RigError: `no-host`.
        """
        self._wait_until_ready()
        client = self.sign_in()
        try:
            if self.baseline:
                self._publish(client, variant(self.candidate, self.baseline, baseline()))
            self._publish(client, self.candidate)
        finally:
            client.close()

    @property
    def product(self) -> str:
        """What all boards of the session are."""
        return self.candidate.product

    @property
    def baseline(self) -> int | None:
        """The release boards are set up with: the one before; None where there is no number."""
        return self.candidate.number - 1 or None

    def offer(self, client: Client, kind: Kind) -> int:
        """Publish a variant of the candidate; its number."""
        with self._lock:
            number, self._next = self._next, self._next + 1
        self._publish(client, variant(self.candidate, number, kind))
        return number

    def sign_in(self) -> Client:
        """A client of the first admin: whoever may write in the folder needs no password."""
        database = Database(settings.load(self._data).url)
        with database.begin() as session:
            admin = next(user for user in accounts.everyone(session) if user.role == "admin")
            token, _ = accounts.issue(session, admin, "rig", 24 * 3600)
            email = admin.email
        database.close()
        return Client(Profile(self._url, "mpfleet", self._ca.read_text(), token, email))

    def close(self) -> None:
        """End the host and wait for its end."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._log.close()

    def _publish(self, client: Client, release: Release) -> None:
        publish(client, release)
        client.approve(release.product, release.number, self._passphrase)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _ca(self) -> Path:
        return self._data / "pki" / "ca.pem"

    @property
    def _url(self) -> str:
        is_everywhere = self.table.listen == "0.0.0.0"  # noqa: S104 - compared, not bound
        return f"https://{'127.0.0.1' if is_everywhere else self.table.listen}:{self.port}"

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "host.cli", "serve", "--data", str(self._data)]
        command += ["--listen", self.table.listen, "--address", self.table.address]
        command += ["--port", str(self.port), "--mqtt-port", str(self.mqtt_port)]
        file = self.folder / "passphrase"
        file.touch(mode=0o600)
        file.write_text(self._passphrase)
        command += ["--passphrase-file", str(file)]
        # A session of its own: Ctrl-C reaches it through close(), after the boards.
        return subprocess.Popen(  # noqa: S603 - this very program
            command,
            stdout=self._log,
            stderr=self._log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                said = self._log_file.read_text(errors="replace").strip()[-300:]
                raise RigError("no-host", f"the host ended: {' '.join(said.split())}")
            if self._ca.exists() and self._answers():
                return
            time.sleep(0.1)
        raise RigError("no-host", f"the host does not answer on {self._url}")

    def _answers(self) -> bool:
        client = Client(Profile(self._url, "mpfleet", self._ca.read_text()))
        try:
            client.fleet()
        except ApiError:
            return False
        finally:
            client.close()
        return True


class Before:
    """A host as it was before the candidate came: what a deploy may choose from."""

    def __init__(self, client: Client, number: int) -> None:
        self._client, self._number = client, number

    def releases(self, product: str) -> list[dict]:
        """Releases below the candidate's number."""
        return [r for r in self._client.releases(product) if r["number"] < self._number]

    def __getattr__(self, name: str) -> object:
        return getattr(self._client, name)
