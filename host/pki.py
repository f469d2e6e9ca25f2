"""The files of the fleet's own certificate authority: made at first run, 0600, replaced whole.

`ca.pem` is what boards and browsers trust, `ca.key` signs, `server.pem` is this host's key and
certificate.
"""

import datetime as dt
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from host import certificates, files

SERVER_FILE = "server.pem"  # key and certificate in one file, so that a renewal swaps both at once
_CA_FILE = "ca.pem"
_CA_KEY_FILE = "ca.key"
_EARLIEST = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)  # a clock before this has not been set
_PEM = serialization.Encoding.PEM


class PkiError(Exception):
    """The certificate files cannot be used as they are."""

    code = "pki"


def ensure(folder, name, addresses, now):
    """Make what is missing of CA and server certificate, renew the latter when due.

    True if the server certificate is new. Raises: PkiError when others can read a key, a file is
    damaged or missing, or the clock is not set.
    """
    folder = Path(folder)
    names = _names(name, addresses)
    if not (folder / _CA_FILE).exists():
        _found(folder, name, now)
    ca, ca_key, path = authority(folder), _key(folder / _CA_KEY_FILE), folder / SERVER_FILE
    if path.exists() and not certificates.why_due(_certificate(path), ca, names, now):
        _check_mode(path)
        return False
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = certificates.server(ca, ca_key, key.public_key(), names, now)
    files.write(path, _pem(key) + leaf.public_bytes(_PEM), 0o600)
    return True


def ensure_for(settings, now):
    """`ensure` for a host: its fleet name, where it listens, and where it is found."""
    everywhere = ("0.0.0.0", "::")  # noqa: S104 - not bound here, only told apart
    listen = () if settings.listen in everywhere else (settings.listen,)
    addresses = (*settings.addresses, *listen)
    return ensure(folder_for(settings), settings.fleet, addresses, now)


def folder_for(settings):
    """Where a host keeps these files."""
    return settings.data_folder / "pki"


def authority(folder):
    """The fleet's CA certificate. Raises: PkiError when there is none."""
    return _certificate(Path(folder) / _CA_FILE)


def names(folder):
    """The fleet's name and the addresses of the server certificate. Raises: PkiError."""
    return certificates.named(_certificate(Path(folder) / SERVER_FILE))


def ca_pem(folder):
    """The CA certificate as PEM text, for browsers and tools."""
    return authority(folder).public_bytes(_PEM).decode("ascii")


def ca_der(folder):
    """The CA certificate as DER bytes, for boards."""
    return authority(folder).public_bytes(serialization.Encoding.DER)


def fingerprint(folder):
    """SHA-256 of the CA certificate, 64 hex digits."""
    return authority(folder).fingerprint(hashes.SHA256()).hex()


def colons(settings):
    """A host's fingerprint as people compare it: pairs of capitals."""
    digits = fingerprint(folder_for(settings)).upper()
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))


def _found(folder, name, now):
    if now < _EARLIEST:
        raise PkiError(f"the clock says {now:%Y-%m-%d}: set it before the fleet's CA is made")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = ec.generate_private_key(ec.SECP256R1())
    files.write(folder / _CA_KEY_FILE, _pem(key), 0o600)
    ca = certificates.authority(name, key, now)
    files.write(folder / _CA_FILE, ca.public_bytes(_PEM), 0o644)  # last: with it the CA exists


def _names(name, addresses):
    try:
        return certificates.subject_names(name, addresses)
    except ValueError as error:
        raise PkiError(str(error)) from error


def _certificate(path):
    return _parse(path, "certificate", x509.load_pem_x509_certificate)


def _key(path):
    key = _parse(path, "private key", lambda pem: serialization.load_pem_private_key(pem, None))
    _check_mode(path)
    return key


def _parse(path, what, parse):
    try:
        return parse(path.read_bytes())
    except FileNotFoundError:
        raise PkiError(f"{path} is missing: put it back from a backup") from None
    except ValueError as error:
        raise PkiError(f"{path} holds no {what}: {error}") from error


def _pem(key):
    return key.private_bytes(
        _PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),  # it must work unattended, so the file's mode protects it
    )


def _check_mode(path):
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise PkiError(f"{path} has mode {mode:o}, so others can read the key: chmod 600 {path}")
