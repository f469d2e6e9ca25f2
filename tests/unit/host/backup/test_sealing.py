"""A sealed stream, whole and hurt. Every hurt is refused before a wrong byte is handed out."""

import io
import json

import pytest

from host.backup import sealing
from host.backup.errors import BackupError
from host.backup.sealing import CHUNK, Sealer, Unsealer

PASSPHRASE = "correct horse"
SEALED = CHUNK + 16  # a whole chunk as it lies in the file


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(sealing, "KDF", {**sealing.KDF, "memory_kib": 64, "iterations": 1})


def seal(content, step=10_000):
    """Bytes, sealed as they come in pieces."""
    out = io.BytesIO()
    sealer = Sealer(out, PASSPHRASE)
    for at in range(0, len(content), step):
        sealer.write(content[at : at + step])
    sealer.close()
    return out.getvalue()


def unseal(sealed, passphrase=PASSPHRASE):
    """All that is in it."""
    reader = Unsealer(io.BytesIO(sealed), passphrase)
    return b"".join(iter(lambda: reader.read(5000), b""))


def refusal(sealed, passphrase=PASSPHRASE):
    """The word with which it is refused."""
    with pytest.raises(BackupError) as caught:
        unseal(sealed, passphrase)
    return caught.value.code


def head_bytes(sealed):
    return 8 + int.from_bytes(sealed[4:8], "little")


def with_head(sealed, **fields):
    """The same with other fields in its head."""
    end = head_bytes(sealed)
    head = json.dumps({**json.loads(sealed[8:end]), **fields}).encode()
    return sealed[:4] + len(head).to_bytes(4, "little") + head + sealed[end:]


LENGTHS = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK)


@pytest.mark.parametrize("length", LENGTHS)
def test_what_was_sealed_comes_out(length):
    content = bytes(n % 251 for n in range(length))
    assert unseal(seal(content)) == content


def test_the_same_bytes_are_sealed_otherwise_each_time():
    assert seal(b"x") != seal(b"x")


def test_nothing_of_it_can_be_read():
    assert b"secret" not in seal(b"secret" * 1000)


@pytest.mark.parametrize("wrong", ("", "correct hors", "Correct horse"))
def test_a_wrong_passphrase_is_told_apart_from_damage(wrong):
    assert refusal(seal(b"x"), wrong) == "wrong-passphrase"


@pytest.mark.parametrize("left", (0, 1, 15, 16, 17, SEALED - 1, SEALED, SEALED + 1, 2 * SEALED))
def test_a_stream_cut_short_is_noticed(left):
    sealed = seal(bytes(2 * CHUNK + 5))
    assert refusal(sealed[: head_bytes(sealed) + left]) == "truncated"


@pytest.mark.parametrize("at", (0, 100, SEALED - 1, SEALED, SEALED + 7))
def test_a_flipped_bit_is_noticed(at):
    sealed = bytearray(seal(bytes(3 * CHUNK)))
    sealed[head_bytes(sealed) + at] ^= 1
    assert refusal(bytes(sealed)) == "damaged"


def test_nothing_of_a_damaged_chunk_is_handed_out():
    sealed = bytearray(seal(bytes(3 * CHUNK)))
    sealed[head_bytes(sealed) + SEALED] ^= 1
    reader = Unsealer(io.BytesIO(sealed), PASSPHRASE)
    assert reader.read(CHUNK) == bytes(CHUNK)
    with pytest.raises(BackupError, match="near byte"):
        reader.read(1)


def test_chunks_in_another_order_are_noticed():
    sealed = seal(bytes(3 * CHUNK))
    at = head_bytes(sealed)
    first, second, rest = sealed[at : at + SEALED], sealed[at + SEALED :][:SEALED], 2 * SEALED
    assert refusal(sealed[:at] + second + first + sealed[at + rest :]) == "damaged"


def test_bytes_behind_the_end_are_noticed():
    assert refusal(seal(b"x") + bytes(SEALED)) == "damaged"


def test_a_head_that_was_changed_is_noticed():
    sealed = seal(b"x")
    assert refusal(with_head(sealed, more=1)) == "truncated"  # its only chunk does not open


@pytest.mark.parametrize("content", (b"", b"MPK1", b"PK\3\4" + bytes(100), b"MPK1\xff\xff\0\0"))
def test_what_is_no_backup_is_said_to_be_none(content):
    assert refusal(content) == "not-a-backup"


def test_a_newer_format_asks_for_an_update():
    assert refusal(with_head(seal(b"x"), format=2)) == "newer-format"


KDFS = (
    {"memory_kib": 1 << 30},  # a terabyte
    {"iterations": 10**9},
    {"lanes": 0},
    {"lanes": "many"},
    {"name": "md5"},
    {"salt": "?"},
    {"salt": ""},
)


@pytest.mark.parametrize("kdf", KDFS, ids=str)
def test_a_head_cannot_ask_for_the_impossible(kdf):
    sealed = seal(b"x")
    asked = json.loads(sealed[8 : head_bytes(sealed)])["kdf"] | kdf
    assert refusal(with_head(sealed, kdf=asked)) == "not-a-backup"


@pytest.mark.parametrize("missing", ({"kdf": None}, {"check": None}, {"format": None}), ids=str)
def test_a_head_without_its_fields_is_none(missing):
    assert refusal(with_head(seal(b"x"), **missing)) in ("not-a-backup", "newer-format")
