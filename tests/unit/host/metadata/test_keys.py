"""Key files: what opens them, and what is refused."""

import json
import os

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from securesystemslib.signer import CryptoSigner, SSlibKey

from host.errors import HostError
from host.metadata import keys


@pytest.fixture(autouse=True)
def _quick(quick_keys):
    """Nobody waits for argon2 here."""


@pytest.fixture(scope="module")
def key():
    return keys.new()


def refusal(call, *arguments):
    with pytest.raises(HostError) as caught:
        call(*arguments)
    return caught.value.code


def test_a_sealed_key_opens_with_its_passphrase(key):
    content = keys.seal(key, "correct horse")
    assert keys.unseal(content, "correct horse").public_key == key.public_key


@pytest.mark.parametrize("passphrase", ("correct horsf", "", None))
def test_another_passphrase_opens_nothing(key, passphrase):
    content = keys.seal(key, "correct horse")
    assert refusal(keys.unseal, content, passphrase) == "wrong-passphrase"


def test_the_private_half_is_not_readable_in_a_sealed_file(key):
    content = keys.seal(key, "correct horse")
    assert b"PRIVATE" in key.private_bytes
    assert json.loads(content)["private"][:8] not in keys.seal(key).decode()


def test_a_key_for_work_unattended_opens_without(key):
    assert keys.unseal(keys.seal(key)).public_key == key.public_key


def test_a_passphrase_that_guessing_finds_is_refused(key):
    assert refusal(keys.seal, key, "short") == "bad-request"


@pytest.mark.parametrize("mode", (0o640, 0o604, 0o660))
def test_a_key_file_that_others_read_is_refused_with_the_remedy(tmp_path, key, mode):
    path = tmp_path / "targets.json"
    keys.write(path, keys.seal(key, "correct horse"))
    os.chmod(path, mode)
    with pytest.raises(HostError, match=f"chmod 600 {path}") as caught:
        keys.read(path)
    assert caught.value.code == "key-exposed"


def test_a_key_file_is_written_for_its_owner_only(tmp_path, key):
    keys.write(tmp_path / "new/online.json", keys.seal(key))
    assert (tmp_path / "new/online.json").stat().st_mode & 0o777 == 0o600


def changed(content, **fields):
    return json.dumps({**json.loads(content), **fields}).encode()


@pytest.mark.parametrize(
    "spoil",
    (
        lambda c: c[: len(c) // 2],
        lambda c: b"[" * 20000,
        lambda c: b"x" * (keys.FILE_BYTES_MAX + 1),
        lambda c: b"[]",
        lambda c: changed(c, format=2),
        lambda c: changed(c, private="%%%"),
        lambda c: changed(c, kdf={**json.loads(c)["kdf"], "memory_kib": 1 << 40}),
        lambda c: changed(c, kdf={**json.loads(c)["kdf"], "iterations": 0}),
        lambda c: changed(c, kdf={}),
    ),
    ids=("short", "nested", "large", "list", "format", "base64", "memory", "rounds", "no kdf"),
)
def test_a_damaged_key_file_is_refused(key, spoil):
    content = keys.seal(key, "correct horse")
    assert refusal(keys.unseal, spoil(content), "correct horse") == "bad-key"


def test_a_public_half_of_another_key_does_not_open(key):
    content = changed(keys.seal(key, "correct horse"), public=keys.describe(keys.new().public_key))
    assert refusal(keys.unseal, content, "correct horse") == "wrong-passphrase"


def described(private, **fields):
    return {**keys.describe(SSlibKey.from_crypto(private.public_key())), **fields}


@pytest.mark.parametrize(
    "value",
    (
        lambda: described(ed25519.Ed25519PrivateKey.generate()),
        lambda: described(ec.generate_private_key(ec.SECP384R1())),
        lambda: described(rsa.generate_private_key(65537, 1024)),  # noqa: S505 - that is the point
        lambda: described(ec.generate_private_key(ec.SECP256R1()), scheme="rsassa-pss-sha256"),
        lambda: described(ec.generate_private_key(ec.SECP256R1()), keytype="sphincs"),
        lambda: described(ec.generate_private_key(ec.SECP256R1()), keyval={"public": "x" * 99}),
        lambda: {"keytype": "ecdsa"},
        lambda: "key",
        lambda: None,
    ),
    ids=("ed25519", "p384", "rsa1024", "scheme", "type", "no pem", "fields", "text", "none"),
)
def test_a_key_that_boards_do_not_verify_is_refused(value):
    assert refusal(keys.public, value()) == "bad-key"


def test_an_rsa_key_of_2048_bits_will_do():
    made = CryptoSigner(rsa.generate_private_key(65537, 2048)).public_key
    assert keys.public(keys.describe(made)).keyid == made.keyid


def test_a_key_has_one_id_whatever_is_written_beside_it(key):
    value = {**keys.describe(key.public_key), "comment": "mine"}
    assert keys.public(value).keyid == key.public_key.keyid


def test_the_same_key_in_other_text_would_have_a_second_id_and_is_refused(key):
    value = keys.describe(key.public_key)
    value["keyval"]["public"] += "\n"
    assert refusal(keys.public, value) == "bad-key"


def test_a_public_key_file_is_read(key):
    content = json.dumps({"public": keys.describe(key.public_key)}).encode()
    assert isinstance(keys.public_of(content), SSlibKey)
