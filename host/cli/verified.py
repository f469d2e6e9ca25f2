"""The fleet's signed metadata as this command line verified it, against the root it keeps itself.

The host is not believed: what is composed and signed here starts from this.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from host.builder.errors import ToolError
from host.cli import profile as profiles

if TYPE_CHECKING:
    from host.cli.client import Client
    from host.metadata.parts import Trusted

_URL = "https://fleet/metadata/"  # only its last part is used
_DELEGATIONS_MAX = 1000
_NOT_FOUND = 404
_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class OtherRootError(ToolError):
    """What the host serves is not signed as the root kept here says."""

    code = "other-root"


def folder(name: str) -> Path:
    """Where a profile keeps what it trusts."""
    place = profiles.path(name)
    return place.with_name(f"{place.stem}.trust")


def keep_root(name: str, content: bytes) -> str:
    """Trust a root from now on, unless one is trusted already; its fingerprint."""
    place = folder(name)
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = place / "root.json"
    if not kept.exists():
        kept.write_bytes(content)
    return fingerprint(kept.read_bytes())


def forget(name: str) -> None:
    """Trust nothing any more."""
    import shutil

    shutil.rmtree(folder(name), ignore_errors=True)


def fingerprint(root: bytes) -> str:
    """What people compare of a root: the SHA-256 of its signed part, in groups of eight."""
    from tuf.api.metadata import Metadata

    digest = hashlib.sha256(Metadata.from_bytes(root).signed_bytes).hexdigest()
    return " ".join(digest[n : n + 8] for n in range(0, 64, 8))


def trusted(client: Client, name: str) -> Trusted:
    """The newest metadata, verified from the root that this profile keeps.

    Raises:
        OtherRootError: it is not what the keys of that root signed, or is older than seen before.
    """
    from tuf.api.exceptions import DownloadError, RepositoryError
    from tuf.api.metadata import Metadata
    from tuf.ngclient import Updater, UpdaterConfig

    from host.metadata.parts import Trusted

    place = folder(name)
    if not (place / "root.json").exists():
        raise OtherRootError("this profile trusts no root yet: sign in again with mpfleet login")
    config = UpdaterConfig(max_delegations=_DELEGATIONS_MAX)
    try:
        fetcher = _fetcher(client)
        updater = Updater(str(place), _URL, fetcher=fetcher, config=config, bootstrap=None)
        # Expired root or targets are what a signature mends: expiry is judged below instead.
        updater._trusted_set.reference_time = _LONG_AGO
        updater.refresh()
        targets = Metadata.from_file(str(place / "targets.json")).signed
        names = list(targets.delegations.roles) if targets.delegations else []
        for role in names:
            updater.get_targetinfo(f"{role}/0.json")  # loads and verifies the role
    except (RepositoryError, DownloadError, ValueError, OSError) as error:
        raise OtherRootError(
            f"the host's metadata is not what the root kept in {place} vouches for ({error}); "
            "if the fleet began anew, and somebody you trust says so: mpfleet login --new-root"
        ) from error
    for role in ("timestamp", "snapshot"):
        if Metadata.from_file(str(place / f"{role}.json")).signed.is_expired():
            raise OtherRootError(
                f"the host's {role} has expired, so what it says may be old: does its engine run?"
            )
    roles = {role: Metadata.from_file(str(place / f"{role}.json")).signed for role in names}
    return Trusted(Metadata.from_file(str(place / "root.json")).signed, targets, roles)


def _fetcher(client: Client):
    from tuf.api.exceptions import DownloadHTTPError
    from tuf.ngclient import FetcherInterface

    from host.cli.client import ApiError

    class Fetcher(FetcherInterface):
        """Metadata by the client's own verified connection."""

        def _fetch(self, url: str) -> Iterator[bytes]:
            name = urlsplit(url).path.rsplit("/", 1)[-1]
            if not re.fullmatch(r"[a-z0-9.-]+", name):
                raise DownloadHTTPError(f"{name} is no name", _NOT_FOUND)
            try:
                return iter([client.metadata(name)])
            except ApiError as error:
                raise DownloadHTTPError(str(error), error.status) from error

    return Fetcher()
