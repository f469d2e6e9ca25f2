"""`mpfleet serve` in a process of its own, on this machine."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from host import settings
from host.cli.client import ApiError, Client
from host.cli.profile import Profile
from host.extensions import Database
from host.services import accounts, tokens

_READY_S = 60
_STOP_S = 5
_TOKEN_S = 24 * 3600


class NoHostError(Exception):
    """The host ended, or does not answer; the text says which."""


def free_port() -> int:
    """A TCP port of the loopback that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class HostProcess:
    """A host on a data folder, started with further options of `mpfleet serve`."""

    def __init__(
        self, data: Path, url: str, options: Sequence[str], output: IO[bytes] | int | None = None
    ) -> None:
        self.data, self.url = data, url
        # A session of its own: Ctrl-C reaches it through stop(), after the boards.
        self._process = subprocess.Popen(  # noqa: S603 - this very program
            [sys.executable, "-m", "host.cli", "serve", "--data", str(data), *options],
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def wait_until_ready(self) -> None:
        """Return once the host answers.

        Raises:
            NoHostError: it ended, or does not answer within a minute.
        """
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise NoHostError(f"the host ended with status {self._process.returncode}")
            if self._ca.exists() and self._answers():
                return
            time.sleep(0.1)
        raise NoHostError(f"the host does not answer on {self.url}")

    def sign_in(self, label: str = "this machine") -> Client:
        """A client of the first admin: whoever may write in the folder needs no password."""
        database = Database(settings.load(self.data).url)
        with database.begin() as session:
            admin = next(user for user in accounts.everyone(session) if user.role == "admin")
            token, _ = tokens.issue(session, admin, label, _TOKEN_S)
            email = admin.email
        database.close()
        return Client(Profile(self.url, "mpfleet", self._ca.read_text(), token, email))

    @property
    def pid(self) -> int:
        """Its number among the processes."""
        return self._process.pid

    def stop(self) -> None:
        """End it and wait for its end."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def wait(self, timeout: float | None = None) -> int | None:
        """Its exit status, or None if it still runs after `timeout` seconds."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    @property
    def _ca(self) -> Path:
        return self.data / "pki" / "ca.pem"

    def _answers(self) -> bool:
        client = Client(Profile(self.url, "mpfleet", self._ca.read_text()))
        try:
            client.fleet()
        except ApiError:
            return False
        finally:
            client.close()
        return True
