"""The keys a host holds: one that works unattended, and those a passphrase opens."""

import contextlib
import os
from pathlib import Path

from host.errors import HostError
from host.metadata import keys

_SEALED = ("targets", "root")
_NEXT = ".next"
_CREDENTIAL = "mpfleet-online"  # of systemd: LoadCredential=mpfleet-online:FILE


class Vault:
    """A folder of key files: `online.json`, `root.json`, `targets.json`."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, role):
        """Where the key of a role is, or would be."""
        credentials = os.environ.get("CREDENTIALS_DIRECTORY")
        if role == "online" and credentials and (Path(credentials) / _CREDENTIAL).exists():
            return Path(credentials) / _CREDENTIAL
        return self.folder / f"{role}.json"

    def check(self):
        """Raises: HostError `key-exposed`, `bad-key` of any key file that is there."""
        for path in (self.path("online"), *self.folder.glob("*.json")):
            if path.exists():
                keys.public_of(keys.read(path))

    def holds(self, role):
        """Whether the key of a role is here."""
        return self.path(role).exists()

    def public(self, role):
        """The public half of a role's key, None where it is not here."""
        return keys.public_of(keys.read(self.path(role))) if self.holds(role) else None

    def online(self, keyids=None):
        """The key that signs snapshot and timestamp: of these ids, where it is about to change."""
        files = (self.path("online"), self.path(f"online{_NEXT}"))
        found = [keys.unseal(keys.read(path)) for path in files if path.exists()]
        ours = [key for key in found if keyids is None or key.public_key.keyid in keyids]
        if not ours:
            raise HostError("no-key", f"{self.path('online')} is not the key that the root names.")
        return ours[0]

    def held(self, passphrase):
        """Every key here that this passphrase opens.

        Raises: HostError `wrong-passphrase`, where it opens none; `no-key`, where none is here.
        """
        paths = [self.path(role + more) for role in _SEALED for more in ("", _NEXT)]
        there = [path for path in paths if path.exists()]
        if not there:
            raise HostError("no-key", "The host holds no key: sign with your own.")
        found = []
        for path in there:
            with _wrong_passphrase_is_none():
                found.append(keys.unseal(keys.read(path), passphrase))
        if not found:
            raise HostError("wrong-passphrase", "This passphrase opens no key of the host.")
        return found

    def put(self, role, signer, passphrase=None):
        """Keep a key; what was under its name is overwritten."""
        keys.write(self.folder / f"{role}.json", keys.seal(signer, passphrase))

    def put_next(self, role, signer, passphrase=None):
        """Keep a key that takes the place of the one before as soon as the root names it."""
        self.put(role + _NEXT, signer, passphrase)

    def promote(self, named):
        """The next keys that are among those the root names are the keys from now on."""
        for role in ("online", *_SEALED):
            path = self.path(role + _NEXT)
            if path.exists() and keys.public_of(keys.read(path)).keyid in named:
                path.rename(self.folder / f"{role}.json")

    def take_out(self, role, passphrase):
        """The bytes of a sealed key file that this passphrase opens; `remove` it afterwards."""
        content = keys.read(self.path(role))
        keys.unseal(content, passphrase)
        return content

    def remove(self, role):
        """The host holds this key no longer."""
        self.path(role).unlink()


@contextlib.contextmanager
def _wrong_passphrase_is_none():
    try:
        yield
    except HostError as error:
        if error.code != "wrong-passphrase":
            raise
