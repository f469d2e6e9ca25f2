"""Where a person is signed in: one small file per profile, readable by its owner only."""

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from host.builder.errors import ToolError

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")


class ProfileError(ToolError):
    """Not signed in, or a profile that cannot be used."""

    code = "not-signed-in"


@dataclass(frozen=True)
class Profile:
    """A host, how to know that it is the right one, and a token for it."""

    url: str
    fleet: str  # the name its certificate must carry
    ca: str  # PEM of the only CA that is trusted for it
    token: str = ""
    email: str = ""


def path(name: str) -> Path:
    """The file of a profile."""
    if not _NAME.match(name):
        raise ProfileError(f"{name!r} is no profile name: use letters, digits, '.', '_' and '-'")
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "mpfleet" / f"{name}.json"


def load(name: str) -> Profile | None:
    """The stored profile, or None."""
    place = path(name)
    try:
        return Profile(**json.loads(place.read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise ProfileError(f"{place} is damaged: sign in again with mpfleet login") from error


def save(name: str, profile: Profile) -> Path:
    """Store a profile, as a whole or not at all."""
    place = path(name)
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temp = place.with_name(place.name + ".new")
    temp.unlink(missing_ok=True)
    with open(os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(profile), file)
    temp.replace(place)
    return place


def remove(name: str) -> bool:
    """Forget a profile; False where there was none."""
    if not path(name).exists():
        return False
    path(name).unlink()
    return True


def current(name: str) -> Profile:
    """The profile in use; MPFLEET_URL, _TOKEN, _CA (a file) and _FLEET outrank what is stored.

    Raises:
        ProfileError: nobody is signed in, or a host without a CA.
    """
    stored = load(name)
    env = os.environ.get
    url = (env("MPFLEET_URL") or (stored.url if stored else "")).rstrip("/")
    known = stored if stored and stored.url == url else None
    token = env("MPFLEET_TOKEN") or (known.token if known else "")
    if not url or not token:
        raise ProfileError("not signed in: mpfleet login https://HOST:8443")
    ca = Path(env("MPFLEET_CA")).read_text() if env("MPFLEET_CA") else known.ca if known else ""
    if not ca:
        raise ProfileError("MPFLEET_URL needs MPFLEET_CA, the file of the fleet's CA certificate")
    fleet = env("MPFLEET_FLEET") or (known.fleet if known else "mpfleet")
    return Profile(url, fleet, ca, token, known.email if known else "")
