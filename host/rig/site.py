"""The host of a session: `mpfleet serve` in a process and a folder of its own."""

import secrets
import threading
from pathlib import Path
from typing import IO

from host.builder.release import Release
from host.cli.client import Client
from host.cli.release import publish
from host.rig.errors import RigError
from host.rig.file import HostTable
from host.rig.process import HostProcess, NoHostError, free_port
from host.rig.releases import Kind, baseline, variant


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
        self._process = HostProcess(self.folder / "data", self._url, self._options(), self._log)

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
        """A client of the first admin."""
        return self._process.sign_in("rig")

    def close(self) -> None:
        """End the host and wait for its end."""
        self._process.stop()
        self._log.close()

    def _publish(self, client: Client, release: Release) -> None:
        publish(client, release)
        client.approve(release.product, release.number, self._passphrase)

    @property
    def _url(self) -> str:
        is_everywhere = self.table.listen == "0.0.0.0"  # noqa: S104 - compared, not bound
        return f"https://{'127.0.0.1' if is_everywhere else self.table.listen}:{self.port}"

    def _options(self) -> list[str]:
        file = self.folder / "passphrase"
        file.touch(mode=0o600)
        file.write_text(self._passphrase)
        return [
            *("--listen", self.table.listen, "--address", self.table.address),
            *("--port", str(self.port), "--mqtt-port", str(self.mqtt_port)),
            *("--passphrase-file", str(file), "--verification", "off"),  # the boards try it
        ]

    def _wait_until_ready(self) -> None:
        try:
            self._process.wait_until_ready()
        except NoHostError as error:
            said = self._log_file.read_text(errors="replace").strip()[-300:]
            raise RigError("no-host", f"{error}: {' '.join(said.split())}") from error


class Before:
    """A host as it was before the candidate came: what a deploy may choose from."""

    def __init__(self, client: Client, number: int) -> None:
        self._client, self._number = client, number

    def releases(self, product: str) -> list[dict]:
        """Releases below the candidate's number."""
        return [r for r in self._client.releases(product) if r["number"] < self._number]

    def __getattr__(self, name: str) -> object:
        return getattr(self._client, name)
