"""The user API of a host (SPEC section 11), over TLS to the certificate of one fleet only."""

import ssl
import time
from http import HTTPStatus
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from host.builder.errors import ToolError
from host.cli.profile import Profile

_WAIT_S = (10, 60)  # to connect; between bytes
# A kept connection that the host closed meanwhile: what changes nothing is asked once more.
# Retry-After is left to `_call`: urllib3 would make an error of an answer that has it.
_STALE = Retry(
    total=1, connect=0, redirect=0, status=0, allowed_methods=("GET",),
    respect_retry_after_header=False,
)  # fmt: skip
_BUSY_TRIES, _BUSY_WAIT_S = 4, 5  # a host that says it is busy has changed nothing
_ADVICE = {
    "bad-credentials": "sign in again: mpfleet login",
    "forbidden": "your role may not do this; ask an admin",
}


class ApiError(ToolError):
    """The host refused, or was not reached. `code` is its word."""

    def __init__(self, code: str, message: str, status: int = 0) -> None:
        super().__init__(code, message)
        self.code, self.message, self.status = code, message, status

    def __str__(self) -> str:
        advice = f"; {_ADVICE[self.code]}" if self.code in _ADVICE else ""
        return f"{self.message} ({self.code}){advice}"


class _FleetAdapter(HTTPAdapter):
    """Trusts one CA, and asks the certificate for the fleet's name instead of the address."""

    def __init__(self, profile: Profile) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.load_verify_locations(cadata=profile.ca)
        self._fleet = profile.fleet
        super().__init__(max_retries=_STALE)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(
            *args,
            ssl_context=self._context,
            server_hostname=self._fleet,
            assert_hostname=self._fleet,
            **kwargs,
        )

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Add no other CAs to the context, as requests would."""
        conn.cert_reqs = "CERT_REQUIRED"


class Client:
    """One method per call that the command line makes."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no .netrc comes between
        self._session.mount("https://", _FleetAdapter(profile))
        if profile.token:
            self._session.headers["Authorization"] = f"Bearer {profile.token}"

    def close(self) -> None:
        """Close its connections."""
        self._session.close()

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of a resource."""
        return self._call("GET", path, params=query).json()

    def send(self, method: str, path: str, value: Any = None) -> Any:
        """Send JSON; the answer's JSON, or None where it has none."""
        answer = self._call(method, path, json=value if value is not None else {})
        return answer.json() if answer.content else None

    def fleet(self) -> dict[str, Any]:
        """What the host says of itself."""
        return self.get("/fleet")

    def devices(self) -> list[dict[str, Any]]:
        """Every device the user may see."""
        return self.get("/devices")

    def device(self, reference: str) -> dict[str, Any]:
        """A device by its id or its name."""
        wanted = reference.lower().replace(":", "")
        found = [d for d in self.devices() if d["id"] == wanted or d["name"] == reference]
        if len(found) != 1:
            many = "more than one device is" if found else "no device is"
            raise ApiError("not-found", f"{many} called {reference}: mpfleet device list", 404)
        return found[0]

    def find_device(self, device_id: str) -> dict[str, Any] | None:
        """A device by its id, or None."""
        try:
            return self.get(f"/devices/{device_id}")
        except ApiError as error:
            if error.status in (403, 404):
                return None
            raise

    def releases(self, product: str | None = None) -> list[dict[str, Any]]:
        """Releases, of one product or of all."""
        return self.get("/releases", **({"product": product} if product else {}))

    def next_number(self, product: str) -> int:
        """The number that a new release of a product takes."""
        return self.get(f"/products/{product}/next-number")["number"]

    def manifest(self, product: str, number: int) -> bytes:
        """The exact bytes of a release's manifest."""
        return self._call("GET", f"/releases/{product}/{number}/manifest").content

    def blob(self, sha256: str) -> bytes:
        """The bytes of this name."""
        return self._call("GET", f"/blobs/{sha256}").content

    def metadata(self, name: str) -> bytes:
        """A file of the signed metadata."""
        return self._call("GET", f"/metadata/{name}").content

    def approve(self, product: str, number: int, passphrase: str) -> dict[str, Any]:
        """Approve a release with the keys that the host holds, and the host's word for all of it.

        For fleets that are somebody's own from end to end; `mpfleet approve` verifies.
        """
        value = {"kind": "approve", "product": product, "number": number}
        proposal = self.send("POST", "/proposals", value)
        asked = {"passphrase": passphrase, "base": proposal["base"]}
        return self.send("POST", f"/proposals/{proposal['id']}/signatures", asked)

    def add_release(self, manifest: bytes) -> dict[str, Any]:
        """Announce a release; the answer names the blobs the host lacks."""
        headers = {"Content-Type": "application/json"}
        return self._call("POST", "/releases", data=manifest, headers=headers).json()

    def add_blob(self, sha256: str, content: bytes) -> None:
        """Upload a blob."""
        headers = {"Content-Type": "application/octet-stream"}
        self._call("PUT", f"/blobs/{sha256}", data=content, headers=headers)

    def complete(self, product: str, number: int) -> dict[str, Any]:
        """Say that all blobs of a release are there."""
        return self.send("POST", f"/releases/{product}/{number}/complete")

    def enrolment_token(self, device_id: str | None = None) -> str:
        """A one-time token that makes a board the user's, or lets this device renew its secret."""
        what = {"device": device_id} if device_id else {}
        return self.send("POST", "/enrolment-tokens", what)["token"]

    def _call(self, method: str, path: str, **what: Any) -> requests.Response:
        answer = self._once(method, path, **what)
        for _ in range(_BUSY_TRIES - 1):
            if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                break
            time.sleep(_busy_s(answer))
            answer = self._once(method, path, **what)
        if not answer.ok or answer.is_redirect:
            raise _refusal(answer)
        return answer

    def _once(self, method: str, path: str, **what: Any) -> requests.Response:
        url = f"{self.profile.url}/api/v1{path}"
        try:
            return self._session.request(
                method, url, timeout=_WAIT_S, allow_redirects=False, **what
            )
        except requests.exceptions.SSLError as error:
            raise ApiError(
                "tls",
                f"{self.profile.url} does not prove to be the fleet {self.profile.fleet!r}; "
                "if its CA is new, sign in again: mpfleet login",
            ) from error
        except requests.exceptions.RequestException as error:
            raise ApiError(
                "no-connection", f"{self.profile.url} is not reached: does mpfleet serve run?"
            ) from error


def _busy_s(answer: requests.Response) -> int:
    """How long a busy host, or a proxy before it, asks to wait; a date counts as a second."""
    said = answer.headers.get("Retry-After", "")
    return min(int(said), _BUSY_WAIT_S) if said.isdecimal() else 1


def _refusal(answer: requests.Response) -> ApiError:
    try:
        value = answer.json()
        return ApiError(value["error"], value["message"], answer.status_code)
    except (ValueError, KeyError, TypeError):
        return ApiError(f"http-{answer.status_code}", answer.reason, answer.status_code)
