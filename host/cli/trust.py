"""Which certificate authority a host is known by, before anything secret is sent to it."""

import hashlib
import http.client
import json
import os
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from host.builder.errors import ToolError

_WAIT_S = 10
_ANSWER_BYTES_MAX = 1 << 16
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class TrustError(ToolError):
    """A host is not, or not yet, known to be the right one."""

    code = "not-trusted"


def split(url: str) -> tuple[str, int]:
    """Host and port of a URL that may be signed in to.

    Raises:
        TrustError: it is not https.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.path.strip("/"):
        raise TrustError(f"{url} is not of the form https://HOST:8443")
    return parts.hostname, parts.port or 443


def fingerprint(pem: str) -> str:
    """SHA-256 of a certificate, in pairs as people compare them."""
    try:
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.strip())).hexdigest().upper()
    except ValueError as error:
        raise TrustError("that is no certificate in PEM form") from error
    return ":".join(digest[n : n + 2] for n in range(0, 64, 2))


def local_ca(url: str, folder: Path | None) -> str:
    """The CA in a host's data folder on this machine, "" where there is none."""
    if folder is None and split(url)[0] not in LOOPBACK:
        return ""
    place = (folder or Path(os.environ.get("MPFLEET_DATA_FOLDER", "data"))) / "pki" / "ca.pem"
    if place.exists():
        return place.read_text()
    if folder is not None:
        raise TrustError(f"there is no {place}: is {folder} the data folder of mpfleet serve?")
    return ""


def ask(url: str, ca: str = "") -> dict:
    """What a host says of its fleet: from whoever answers, or with `ca` from its holder only.

    The name is not verified, for this is how it is learned; nothing secret is sent.

    Raises:
        TrustError: no answer, another CA, or no mpfleet.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if ca else ssl.CERT_NONE
    if ca:
        context.load_verify_locations(cadata=ca)
    value = _fetch(url, context)
    if not isinstance(value, dict) or not {"name", "ca"} <= value.keys():
        raise TrustError(f"{url} answers, but not as an mpfleet host does")
    return value


def _fetch(url: str, context: ssl.SSLContext) -> object:
    connection = http.client.HTTPSConnection(*split(url), timeout=_WAIT_S, context=context)
    try:
        connection.request("GET", "/api/v1/fleet", headers={"Accept": "application/json"})
        return json.loads(connection.getresponse().read(_ANSWER_BYTES_MAX))
    except ssl.SSLCertVerificationError as error:
        raise TrustError(
            f"{url} is not the host of this CA ({error.verify_message}); nothing was sent"
        ) from error
    except ValueError as error:
        raise TrustError(f"{url} answers, but not as an mpfleet host does") from error
    except (OSError, http.client.HTTPException) as error:
        raise TrustError(
            f"{url} does not answer ({error}); does mpfleet serve run there?"
        ) from error
    finally:
        connection.close()


def der(pem: str) -> bytes:
    """A certificate as boards take it."""
    return ssl.PEM_cert_to_DER_cert(pem.strip())
