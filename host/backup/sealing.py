"""A stream under a passphrase: what is read of it was written in this order, up to the last byte.

SPEC section 15. Each chunk is sealed by itself, so that nothing unverified is ever handed out and
a backup of any size needs two chunks of memory.
"""

import hmac
import json
import os
import struct
from base64 import b64decode, b64encode

from argon2.exceptions import HashingError
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from host.backup.errors import BackupError

FORMAT = 1
CHUNK = 64 * 1024
KDF = {"name": "argon2id", "memory_kib": 64 * 1024, "iterations": 3, "lanes": 4}
_KDF_MOST = {"memory_kib": 1024 * 1024, "iterations": 20, "lanes": 16}  # of a file we are given
_MAGIC = b"MPK1"
_START = struct.Struct("<4sI")
_HEAD_BYTES_MAX = 4096
_NONCE = struct.Struct(">7xIB")  # number of the chunk, whether it is the last
_SALT_BYTES = 16
_KEY_BYTES = 32
_CHECK_BYTES = 16  # tells a wrong passphrase from a damaged chunk
_TAG_BYTES = 16


class Sealer:
    """Writes sealed chunks to a file; `close` writes the last, and leaves the file open."""

    def __init__(self, file, passphrase):
        kdf = {**KDF, "salt": b64encode(os.urandom(_SALT_BYTES)).decode()}
        key, check = _derive(passphrase, kdf)
        head = {"format": FORMAT, "kdf": kdf, "check": b64encode(check).decode()}
        content = json.dumps(head).encode()
        self._head = _START.pack(_MAGIC, len(content)) + content
        self._file, self._cipher = file, AESGCM(key)
        self._waiting = bytearray()
        self._number = 0
        file.write(self._head)

    def write(self, content):
        """Take bytes, as a file does."""
        self._waiting += content
        while len(self._waiting) > CHUNK:  # a full one may be the last: it waits
            self._put(bytes(self._waiting[:CHUNK]), is_last=False)
            del self._waiting[:CHUNK]
        return len(content)

    def close(self):
        """Write the chunk that says where the end is."""
        self._put(bytes(self._waiting), is_last=True)

    def _put(self, content, is_last):
        nonce = _NONCE.pack(self._number, is_last)
        self._file.write(self._cipher.encrypt(nonce, content, self._head))
        self._number += 1


class Unsealer:
    """Reads what a Sealer wrote. Raises: BackupError, before a byte of a bad chunk is handed out.

    `not-a-backup`, `newer-format`, `wrong-passphrase`, `damaged`, `truncated`.
    """

    def __init__(self, file, passphrase):
        self._file = file
        head, self._head = _read_head(file)
        key, check = _derived(passphrase, head)
        if not hmac.compare_digest(check, _decode(head.get("check"))):
            raise BackupError("wrong-passphrase", "This is not the passphrase of the backup.")
        self._cipher = AESGCM(key)
        self._number = 0
        self._ready = b""
        self._next = self._read_chunk() or b""  # there is always one

    def read(self, length):
        """At most so many bytes, none at the end."""
        while len(self._ready) < length and self._next is not None:
            self._ready += self._open()
        part, self._ready = self._ready[:length], self._ready[length:]
        return part

    def _open(self):
        sealed, self._next = self._next, self._read_chunk()
        is_last = self._next is None
        try:
            nonce = _NONCE.pack(self._number, is_last)
            content = self._cipher.decrypt(nonce, sealed, self._head)
        except InvalidTag:
            raise self._broken(is_last) from None
        self._number += 1
        return content

    def _broken(self, is_last):
        if is_last:
            return BackupError("truncated", "The backup ends too early: it was cut short.")
        place = len(self._head) + self._number * (CHUNK + _TAG_BYTES)
        return BackupError("damaged", f"The backup was altered near byte {place}.")

    def _read_chunk(self):
        return self._file.read(CHUNK + _TAG_BYTES) or None


def _read_head(file):
    start = file.read(_START.size)
    if len(start) < _START.size:
        raise _no_backup()
    magic, length = _START.unpack(start)
    if magic != _MAGIC or length > _HEAD_BYTES_MAX:
        raise _no_backup()
    content = file.read(length)
    try:
        head = json.loads(content)
        number = head["format"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _no_backup() from None
    if number != FORMAT:
        text = f"The backup has format {number}, this mpfleet reads {FORMAT}: update it first."
        raise BackupError("newer-format", text)
    return head, start + content


def _derived(passphrase, head):
    try:
        kdf = head["kdf"]
        is_bearable = all(1 <= kdf[name] <= most for name, most in _KDF_MOST.items())
        if kdf["name"] != KDF["name"] or not is_bearable:
            raise _no_backup()
        return _derive(passphrase, kdf)
    except (KeyError, TypeError, ValueError, HashingError):
        raise _no_backup() from None


def _derive(passphrase, kdf):
    made = hash_secret_raw(
        passphrase.encode(), _decode(kdf["salt"]), kdf["iterations"], kdf["memory_kib"],
        kdf["lanes"], _KEY_BYTES + _CHECK_BYTES, Type.ID,
    )  # fmt: skip
    return made[:_KEY_BYTES], made[_KEY_BYTES:]


def _decode(text):
    try:
        return b64decode(text, validate=True)
    except (ValueError, TypeError):
        raise _no_backup() from None


def _no_backup():
    return BackupError("not-a-backup", "The file is no backup of mpfleet.")
