"""Key files (SPEC section 13): one private key each, sealed with a passphrase or plain, 0600."""

import json
import os
from base64 import b64decode, b64encode

from argon2.exceptions import HashingError
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import CryptoSigner, SSlibKey

from host import files
from host.errors import HostError

FILE_BYTES_MAX = 16 * 1024
_FORMAT = 1
_SALT_BYTES = 16
_NONCE_BYTES = 12  # what AES-GCM is made for
KDF = {"name": "argon2id", "memory_kib": 64 * 1024, "iterations": 3, "lanes": 4}
_KDF_MOST = {"memory_kib": 1024 * 1024, "iterations": 20, "lanes": 16}  # of a file we are given
_RSA_BITS = range(2048, 4097)
_PASSPHRASE_CHARS_MIN = 8
# What every board verifies: Ed25519 needs a module that boards need not have.
_SCHEMES = {"ecdsa": "ecdsa-sha2-nistp256", "rsa": "rsassa-pss-sha256"}


def new():
    """A new private key: ECDSA on P-256, which boards verify fastest of what they can."""
    return CryptoSigner.generate_ecdsa()


def public(value):
    """A public key of what metadata writes about one; its id is the hash of just that.

    Raises: HostError `bad-key`: of a type or size that boards do not verify, or damaged.
    """
    try:
        value = {name: value[name] for name in ("keytype", "scheme", "keyval")}
        keyval = {"public": value["keyval"]["public"]}
        scheme = _SCHEMES[value["keytype"]]
        loaded = load_pem_public_key(keyval["public"].encode())
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _bad("it is none that boards verify, ECDSA P-256 or RSA-PSS") from error
    if value["scheme"] != scheme or not _fits(value["keytype"], loaded):
        raise _bad("boards verify ECDSA on P-256, and RSA-PSS of 2048 to 4096 bits")
    made = SSlibKey.from_crypto(loaded, scheme=scheme)
    if made.keyval != keyval:
        raise _bad("its text is not as it would be written")  # else it had a second id
    return made


def describe(key):
    """What metadata writes about a public key."""
    return {"keytype": key.keytype, "scheme": key.scheme, "keyval": dict(key.keyval)}


def seal(signer, passphrase=None):
    """The bytes of a key file."""
    value = {"format": _FORMAT, "public": describe(signer.public_key)}
    content = signer.private_bytes
    value |= {"kdf": None, "nonce": None}
    if passphrase is not None:
        check_passphrase(passphrase)
        kdf = {**KDF, "salt": _text(os.urandom(_SALT_BYTES))}
        nonce = os.urandom(_NONCE_BYTES)
        value |= {"kdf": kdf, "nonce": _text(nonce)}
        content = AESGCM(_derive(passphrase, kdf)).encrypt(nonce, content, _bound(value))
    return (json.dumps({**value, "private": _text(content)}, indent=2) + "\n").encode()


def unseal(content, passphrase=None):
    """The private key in the bytes of a key file.

    Raises: HostError `wrong-passphrase`, `bad-key`.
    """
    value = _parse(content)
    try:
        private = b64decode(value["private"], validate=True)
        if value["kdf"] is not None:
            nonce = b64decode(value["nonce"], validate=True)
            sealing = AESGCM(_derive(passphrase or "", value["kdf"]))
            private = sealing.decrypt(nonce, private, _bound(value))
        signer = CryptoSigner(load_pem_private_key(private, None))
    except InvalidTag as error:
        raise HostError("wrong-passphrase", "This passphrase does not open the key.") from error
    except (KeyError, TypeError, ValueError, HashingError) as error:
        raise _bad("the file is damaged") from error
    if signer.public_key.keyid != public(value["public"]).keyid:
        raise _bad("its two halves do not belong together")
    return signer


def public_of(content):
    """The public key in the bytes of a key file, or of a file with the public half alone."""
    value = _parse(content)
    return public(value.get("public", value))


def write(path, content):
    """Keep a key file, readable by its owner only."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.write(path, content, 0o600)


def read(path):
    """The bytes of a key file. Raises: HostError `no-key`, `key-exposed`, `bad-key`."""
    try:
        mode = path.stat().st_mode & 0o777
    except FileNotFoundError:
        raise HostError("no-key", f"There is no key {path}.") from None
    if mode & 0o077:
        message = f"{path} has mode {mode:o}, so others can read the key: chmod 600 {path}"
        raise HostError("key-exposed", message)
    with path.open("rb") as file:
        return file.read(FILE_BYTES_MAX + 1)


def check_passphrase(passphrase):
    """Raises: HostError `bad-request` for one that guessing finds at once."""
    if len(passphrase) < _PASSPHRASE_CHARS_MIN:
        message = f"A passphrase has at least {_PASSPHRASE_CHARS_MIN} characters."
        raise HostError("bad-request", message)


def _parse(content):
    if len(content) > FILE_BYTES_MAX:
        raise _bad(f"the file is over {FILE_BYTES_MAX} bytes")
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _bad("the file is no JSON") from error
    if not isinstance(value, dict) or value.get("format", _FORMAT) != _FORMAT:
        raise _bad("the file is of another format")
    return value


def _derive(passphrase, kdf):
    for name, most in _KDF_MOST.items():
        if not isinstance(kdf[name], int) or not 1 <= kdf[name] <= most:
            raise _bad(f"{name} is not from 1 to {most}")
    return hash_secret_raw(
        passphrase.encode(), b64decode(kdf["salt"], validate=True), time_cost=kdf["iterations"],
        memory_cost=kdf["memory_kib"], parallelism=kdf["lanes"], hash_len=32, type=Type.ID,
    )  # fmt: skip


def _bound(value):
    """What the sealing vouches for beside the private half."""
    return encode_canonical({"public": value["public"], "kdf": value["kdf"]}).encode()


def _fits(keytype, loaded):
    if keytype == "rsa":
        return isinstance(loaded, RSAPublicKey) and loaded.key_size in _RSA_BITS
    return isinstance(loaded, EllipticCurvePublicKey) and isinstance(loaded.curve, SECP256R1)


def _text(content):
    return b64encode(content).decode("ascii")


def _bad(why):
    return HostError("bad-key", f"The key cannot be used: {why}.")
