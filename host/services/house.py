"""Where the fleet's host lives, as boards are told by a signed target (SPEC section 13)."""

import json
import ssl
from base64 import b64decode, b64encode
from typing import Annotated, Literal

from cryptography.x509 import load_der_x509_certificate
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from host.errors import HostError

BYTES_MAX = 3072  # a board keeps it in its NVS while it tries
_CAS_MAX = 2


def _certificate(text):
    load_der_x509_certificate(b64decode(text, validate=True))
    return text


_Port = Annotated[int, Field(ge=1, le=65535)]
_Address = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,253}$")]
_Ca = Annotated[str, AfterValidator(_certificate)]


class _House(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    format: Literal[1]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,253}$")]
    addresses: Annotated[list[_Address], Field(min_length=1, max_length=8)]
    port: _Port
    mqtt_port: _Port
    cas: Annotated[list[_Ca], Field(min_length=1, max_length=_CAS_MAX)]


def check(content):
    """Raises: HostError `bad-request`: boards could not go there, and would have to be visited."""
    try:
        value = json.loads(content)
        _House.model_validate(value)
    except (ValidationError, ValueError, RecursionError) as error:
        said = error.errors(include_url=False)[0] if isinstance(error, ValidationError) else {}
        where = ".".join(map(str, said.get("loc", ()))) or "it"
        message = f"This is no fleet.json: {where}: {said.get('msg', error)}."
        raise HostError("bad-request", message) from error
    if len(content) > BYTES_MAX:
        raise HostError("bad-request", f"fleet.json has {len(content)} bytes of {BYTES_MAX}.")


def write(fleet, addresses, port, mqtt_port, ca_pems):
    """The text of a fleet.json."""
    cas = [b64encode(ssl.PEM_cert_to_DER_cert(pem.strip())).decode() for pem in ca_pems]
    value = {"format": 1, "name": fleet, "addresses": list(addresses), "port": port,
             "mqtt_port": mqtt_port, "cas": cas}  # fmt: skip
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
