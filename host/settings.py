"""Settings of a host: defaults, `settings.json` in its folder, `MPFLEET_*`, then arguments."""

import json
import os
import secrets
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from host import VERSION, address

_ENVIRONMENT_PREFIX = "MPFLEET_"

# How often within how many seconds: (count, seconds). Per what, the name says.
LIMITS = {
    "register:all": (300, 3600),  # strangers in all; boards with an enrolment token do not count
    "register:address": (30, 3600),  # a home with thirty boards behind one address gets in
    "sign-in:address": (30, 300),
    # over all addresses: more than one of them may use up, which would lock the person out
    "sign-in:email": (600, 3600),
    "sign-in:email-address": (10, 300),
    "claim:user": (20, 600),  # guessing 1 of 30^8 codes stays hopeless
    "claim:address": (60, 600),
    "transfer:user": (60, 3600),  # its answer tells who has an account
    "sign-up:address": (20, 3600),
    "reset:address": (20, 3600),
    "passphrase:user": (10, 300),  # each costs the host a tenth of a second and 64 MB
}


def _listed(value):
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class Settings(BaseModel):
    """Everything that may differ between two hosts. Frozen: changed settings are another host."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_folder: Path
    database_url: str = ""  # empty: SQLite in the data folder
    fleet: str = "mpfleet"  # the name on the certificate, verified by every board
    listen: str = "127.0.0.1"
    addresses: Names = ("127.0.0.1",)  # where boards find this host, in the order they try
    port: int = Field(8443, ge=0, le=65535)
    mqtt_port: int = Field(8883, ge=0, le=65535)
    broker: str = ""  # host:port of an MQTT broker that runs elsewhere; empty: the embedded one
    broker_user: str = "bridge"
    broker_password: str = ""
    broker_ca: Path | None = None  # its CA certificate, PEM; none: those the system trusts
    console_url: str = Field("", pattern=r"^(https://[^/?#]+)?$")  # where people find the host
    console_port: int = Field(443, ge=0, le=65535)
    console_certificate: Path | None = None  # PEM chain that browsers trust by themselves
    console_key: Path | None = None  # its key, PEM
    workers: int = Field(2, ge=1, le=64)  # web processes
    proxies: int = Field(0, ge=0, le=4)  # in front: their X-Forwarded-For counts
    poll_s: int | None = Field(None, ge=10)  # overrides what boards were deployed with
    session_s: int = 12 * 3600  # a browser stays signed in
    token_s: int = 90 * 24 * 3600  # a command line stays signed in
    sign_up: Literal["", "viewer", "operator"] = ""  # what anybody becomes; "": by invitation only
    invitation_s: int = 7 * 24 * 3600
    reset_s: int = 24 * 3600  # a link to choose another password
    enrolment_s: int = 3600  # a deployed board has this long to register
    unclaimed_s: int = 24 * 3600  # then forgotten; a real board registers again
    unclaimed_max: int = 500  # strangers' devices at once
    blob_bytes_max: int = 4 * 1024 * 1024
    reports_kept: int = 200  # per device
    verification: Literal["on", "off"] = "on"  # off: releases count as verified, untried
    verification_cuts: int = Field(40, ge=0, le=5000)  # power cuts tried in an update
    limits: dict[str, tuple[int, int]] = {}

    @model_validator(mode="after")
    def _console_is_whole(self):
        if self.console_certificate and not (self.console_key and self.console_url):
            raise ValueError("console_certificate needs console_key and console_url")
        return self

    @property
    def version(self):
        """The version of mpfleet."""
        return VERSION

    @property
    def url(self):
        """Where the database is."""
        return self.database_url or f"sqlite:///{self.data_folder / 'mpfleet.sqlite'}"

    @property
    def blob_folder(self):
        """Where the content-addressed storage is."""
        return self.data_folder / "blobs"

    @property
    def public_url(self):
        """Where people find this host: the console's address, else its first one."""
        first = self.addresses[0] if self.addresses else self.listen
        return address.public(self.console_url, first, self.port)

    def limit(self, name):
        """(count, seconds) of a rate limit."""
        return self.limits.get(name, LIMITS[name])

    def ca_pem(self):
        """The fleet's CA certificate, "" before it was made."""
        path = self.data_folder / "pki" / "ca.pem"
        return path.read_text() if path.exists() else ""

    def secret_key(self):
        """The key of session cookies and claim codes: made once, readable by its owner only."""
        path = self.data_folder / "secret_key"
        if not path.exists():
            _make_secret(path)
        return path.read_text()


def load(data_folder=None, **explicit):
    """Settings of a data folder. Arguments that are None do not count as given."""
    given = _environment()
    given |= {name: value for name, value in explicit.items() if value is not None}
    folder = Path(data_folder or given.pop("data_folder", "data")).absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / "settings.json"
    kept = json.loads(file.read_text()) if file.exists() else {}
    return Settings(**{**kept, **given, "data_folder": folder})


def _environment():
    names = {name: _ENVIRONMENT_PREFIX + name.upper() for name in Settings.model_fields}
    found = {name: os.environ[key] for name, key in names.items() if os.environ.get(key)}
    if "limits" in found:
        found["limits"] = json.loads(found["limits"])
    return found


def _make_secret(path):
    temp = path.with_name(f"secret_key.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
    try:
        os.link(temp, path)  # fails where another worker was first: its key is the one
    except FileExistsError:
        pass
    finally:
        temp.unlink()
