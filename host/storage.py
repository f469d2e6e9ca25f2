"""Content-addressed files: a blob is there whole, under the hash of its bytes, or not at all."""

import contextlib
import hashlib
import os
import re
import secrets
import struct
import zlib

from device import protocol
from host import files
from host.errors import HostError

_CHUNK = 64 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PIECES = ".pieces"
_PATCH = ".patch"


class Storage:
    """Blobs in a directory, each beside its form in pieces where that is smaller."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, sha256):
        """Where a blob is, or would be."""
        if not _SHA256.fullmatch(sha256):
            raise HostError("not-found", "A blob is named by its SHA-256 in hex.")
        return self.folder / sha256[:2] / sha256

    def pieces_path(self, sha256):
        """Where the blob's form in pieces is, if there is one."""
        return self.path(sha256).with_name(sha256 + _PIECES)

    def patch_path(self, source, target):
        """Where the patch is that makes blob `target` from blob `source`, if there is one."""
        return self.path(target).with_name(f"{target}.{self.path(source).name}{_PATCH}")

    def put(self, sha256, stream, most):
        """Store a stream of at most `most` bytes under its hash; how many they were.

        Raises: HostError `too-large`, `hash-mismatch`; then nothing was stored.
        """
        target = self.path(sha256)
        with _new_file(target) as file:
            digest, length = hashlib.sha256(), 0
            while part := stream.read(_CHUNK):
                length += len(part)
                if length > most:
                    raise HostError("too-large", f"The blob should end after {most} bytes.")
                digest.update(part)
                file.write(part)
            if digest.hexdigest() != sha256:
                message = f"The bytes are {digest.hexdigest()}, not {sha256}."
                raise HostError("hash-mismatch", message)
        return length

    def read(self, sha256, length=-1):
        """The first bytes of a blob, or all."""
        with self.path(sha256).open("rb") as file:
            return file.read(length)

    def pack(self, sha256):
        """Write the blob's form in pieces if that is smaller; its length, or None."""
        content = self.read(sha256)
        packed = in_pieces(content)
        if len(packed) >= len(content):
            return None
        with _new_file(self.pieces_path(sha256)) as file:
            file.write(packed)
        return len(packed)

    def put_patch(self, source, target, content):
        """Keep a patch between two blobs; an empty one says that none is of use."""
        with _new_file(self.patch_path(source, target)) as file:
            file.write(content)

    def patch_bytes(self, source, target):
        """Length of the patch between two blobs, None where none was made."""
        path = self.patch_path(source, target)
        return path.stat().st_size if path.exists() else None

    def patches(self):
        """Every patch that was made: (source, target) each."""
        for path in self.folder.glob(f"??/*{_PATCH}"):
            target, source = path.name.removesuffix(_PATCH).split(".")
            yield source, target

    def remove_patch(self, source, target):
        """Forget a patch."""
        self.patch_path(source, target).unlink(missing_ok=True)


def in_pieces(content):
    """A blob as it travels deflated: every piece by itself, so that a download resumes at one."""
    size = protocol.PIECE_BYTES
    pieces = [deflated(content[at : at + size]) for at in range(0, len(content), size)]
    head = struct.pack("<4sII", protocol.PIECES_MAGIC, len(content), len(pieces))
    index = struct.pack(f"<{len(pieces)}I", *map(len, pieces))
    return b"".join((head, index, *pieces))


def deflated(piece):
    """Bytes as a raw deflate stream that a board inflates in a small window."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -protocol.PIECE_WBITS)
    return deflate.compress(piece) + deflate.flush()


@contextlib.contextmanager
def _new_file(target):
    """A file that appears under its name, on disk, when the block ends well; else it never was."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temp = target.with_name(f"{target.name}.{secrets.token_hex(8)}.new")
    try:
        with temp.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temp.replace(target)
        files.sync_folder(target.parent)
    finally:
        temp.unlink(missing_ok=True)
