"""Content-addressed files: whole or not at all, and the form in which they travel."""

import io
import os
import struct
import zlib

import pytest
from host_samples import sha256

from host.errors import HostError
from host.storage import Storage, in_pieces


@pytest.fixture
def storage(tmp_path):
    """An empty storage."""
    return Storage(tmp_path / "blobs")


def files(storage):
    """Names of all files there."""
    return [path.name for path in storage.folder.rglob("*") if path.is_file()]


def test_a_blob_is_kept_under_its_hash(storage):
    name = sha256(b"hello")
    assert storage.put(name, io.BytesIO(b"hello"), 5) == 5
    assert storage.read(name) == b"hello"


@pytest.mark.parametrize(
    ("content", "word"), ((b"hell", "hash-mismatch"), (b"hello!", "too-large"))
)
def test_what_is_not_the_blob_leaves_nothing_behind(storage, content, word):
    with pytest.raises(HostError) as refused:
        storage.put(sha256(b"hello"), io.BytesIO(content), 5)
    assert (refused.value.code, files(storage)) == (word, [])


def test_a_connection_that_breaks_leaves_nothing_behind(storage):
    class Broken:
        def read(self, _):
            raise ConnectionError

    with pytest.raises(ConnectionError):
        storage.put(sha256(b"hello"), Broken(), 5)
    assert files(storage) == []


def test_bytes_are_on_disk_before_they_have_their_name(storage, monkeypatch):
    order = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr("os.fsync", lambda fd: order.append("sync") or fsync(fd))
    monkeypatch.setattr("os.replace", lambda *names: order.append("name") or replace(*names))
    storage.put(sha256(b"hello"), io.BytesIO(b"hello"), 5)
    assert order == ["sync", "name", "sync"]


@pytest.mark.parametrize("name", ("", "x", "../secret_key", "A" * 64, "0" * 63, "0" * 64 + "\n"))
def test_a_name_that_is_no_hash_is_not_found(storage, name):
    with pytest.raises(HostError) as refused:
        storage.path(name)
    assert refused.value.code == "not-found"


SIZES = {0: 0, 1: 1, 8192: 1, 8193: 2, 100_000: 13}


@pytest.mark.parametrize(("size", "count"), SIZES.items())
def test_every_piece_inflates_by_itself_in_a_small_window(size, count):
    content = (b"some bytes of code " * 6000)[:size]
    packed = in_pieces(content)
    magic, length, pieces = struct.unpack_from("<4sII", packed)
    lengths = struct.unpack_from(f"<{pieces}I", packed, 12)
    at, inflated = 12 + 4 * pieces, b""
    for n in lengths:
        inflated += zlib.decompress(packed[at : at + n], wbits=-12)
        at += n
    assert (magic, length, pieces, at) == (b"MPZ1", size, count, len(packed))
    assert inflated == content


def test_pieces_are_kept_only_where_they_are_smaller(storage):
    flat, noise = b"x" * 50_000, os.urandom(50_000)
    for content in (flat, noise):
        storage.put(sha256(content), io.BytesIO(content), len(content))
    assert storage.pack(sha256(noise)) is None
    assert storage.pack(sha256(flat)) == storage.pieces_path(sha256(flat)).stat().st_size < 500
    assert not storage.pieces_path(sha256(noise)).exists()
