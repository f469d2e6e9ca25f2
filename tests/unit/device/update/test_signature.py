"""Signatures: the board takes what OpenSSL takes, and nothing else."""

import base64
import hashlib
import json
import os
import random
from pathlib import Path

import cryptography_vectors
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

COUNT = int(os.environ.get("SIGNATURES", "60"))  # keys tried at random, each in eight ways
VECTORS = Path(cryptography_vectors.__file__).parent / "asymmetric"
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SHA256 = hashes.SHA256()

SCRIPT = """
import json
from binascii import unhexlify
from device.update import signature

def run(steps):
    try:
        while True:
            next(steps)
    except StopIteration as e:
        return e.value

with open(given[0]) as f:
    for line in f:
        key, text, digest = json.loads(line)
        print(int(run(signature.verify(key, text, unhexlify(digest), None))))
"""


@pytest.fixture
def verdicts(on_board, tmp_path):
    """What the board says of (key, signature in hex, digest in hex), each True or False."""

    def ask(cases):
        path = tmp_path / "cases"
        path.write_text("\n".join(json.dumps(case) for case in cases))
        return [line == "1" for line in on_board(SCRIPT, str(path), timeout=60 + COUNT)]

    return ask


def pem(key):
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def ecdsa(public, **changes):
    return {
        "keytype": "ecdsa",
        "scheme": "ecdsa-sha2-nistp256",
        "keyval": {"public": public if isinstance(public, str) else pem(public)},
    } | changes


def rsa_pss(public):
    return {"keytype": "rsa", "scheme": "rsassa-pss-sha256", "keyval": {"public": pem(public)}}


def openssl_takes(key, signature, digest):
    scheme = ec.ECDSA(utils.Prehashed(SHA256))
    try:
        key.verify(signature, digest, scheme)
    except InvalidSignature:
        return False
    return True


def mutations(chosen, signature):
    """The good one, and seven that most look like it."""
    r, s = utils.decode_dss_signature(signature)
    at, bit = chosen.randrange(len(signature)), 1 << chosen.randrange(8)
    flipped = bytearray(signature)
    flipped[at] ^= bit
    return (
        signature,
        bytes(flipped),
        utils.encode_dss_signature(r, ORDER - s),  # the other of the two that always hold
        utils.encode_dss_signature(s, r),
        utils.encode_dss_signature(r + ORDER, s),
        signature + b"\0",
        signature[:-1],
        b"\x30\x81" + signature[1:],  # the length in the longer form
    )


def test_random_ecdsa_signatures_and_near_ones_get_the_verdict_of_openssl(verdicts):
    chosen = random.Random(COUNT)
    cases, expected = [], []
    for _ in range(COUNT):
        private = ec.generate_private_key(ec.SECP256R1())
        digest = hashlib.sha256(chosen.randbytes(20)).digest()
        good = private.sign(digest, ec.ECDSA(utils.Prehashed(SHA256)))
        for signature in mutations(chosen, good):
            cases.append((ecdsa(private.public_key()), signature.hex(), digest.hex()))
            expected.append(openssl_takes(private.public_key(), signature, digest))
    assert verdicts(cases) == expected
    assert 2 * COUNT <= sum(expected) < 3 * COUNT


def nist(path, section):
    """Records of a NIST response file below one section's head, each a dict of its fields."""
    records, record, is_inside = [], {}, False
    for line in (VECTORS / path).read_text().splitlines():
        if line.startswith("["):
            is_inside = line.strip() == section or (is_inside and "=" in line)
            continue
        name, sign, value = line.partition(" = ")
        if sign and is_inside:
            record[name.strip()] = value.strip()
            if name.strip() == "Result":
                records.append(record)
                record = {}
    return records


def test_the_ecdsa_vectors_of_nist_get_their_verdict(verdicts):
    records = nist("ECDSA/FIPS_186-3/SigVer.rsp", "[P-256,SHA-256]")
    cases = []
    for r in records:
        numbers = ec.EllipticCurvePublicNumbers(int(r["Qx"], 16), int(r["Qy"], 16), ec.SECP256R1())
        signature = utils.encode_dss_signature(int(r["R"], 16), int(r["S"], 16))
        digest = hashlib.sha256(bytes.fromhex(r["Msg"])).hexdigest()
        cases.append((ecdsa(numbers.public_key()), signature.hex(), digest))
    assert verdicts(cases) == [r["Result"].startswith("P") for r in records]
    assert len(records) == 15


@pytest.mark.parametrize("bits", (2048, 3072, 4096))
def test_rsa_pss_signatures_with_a_salt_of_any_length_are_taken_and_changed_ones_are_not(
    verdicts, bits
):
    private = rsa.generate_private_key(65537, bits)
    digest = hashlib.sha256(b"x").digest()
    cases, expected = [], []
    for salt in (0, 20, 32, padding.PSS.MAX_LENGTH):
        scheme = padding.PSS(padding.MGF1(SHA256), salt)
        good = private.sign(digest, scheme, utils.Prehashed(SHA256))
        for at in (None, 0, len(good) // 2, len(good) - 1):
            changed = bytearray(good)
            if at is not None:
                changed[at] ^= 1
            cases.append((rsa_pss(private.public_key()), bytes(changed).hex(), digest.hex()))
            expected.append(at is None)
    cases.append((cases[0][0], good[1:].hex(), digest.hex()))
    cases.append((cases[0][0], (b"\0" + good).hex(), digest.hex()))
    modulus = private.public_key().public_numbers().n
    repeated = int.from_bytes(good, "big") + modulus
    if repeated.bit_length() <= bits:
        cases.append((cases[0][0], repeated.to_bytes(bits // 8, "big").hex(), digest.hex()))
    assert verdicts(cases) == expected + [False] * (len(cases) - len(expected))


def test_a_pkcs1_signature_is_no_pss_signature(verdicts):
    private = rsa.generate_private_key(65537, 2048)
    signature = private.sign(b"x", padding.PKCS1v15(), SHA256)
    digest = hashlib.sha256(b"x").hexdigest()
    assert verdicts([(rsa_pss(private.public_key()), signature.hex(), digest)]) == [False]


PRIVATE = ec.generate_private_key(ec.SECP256R1())
GOOD = PRIVATE.sign(b"x", ec.ECDSA(SHA256)).hex()
DIGEST = hashlib.sha256(b"x").hexdigest()
PEM = pem(PRIVATE.public_key())


def with_point(x, y):
    """A key in the right form whose point is this."""
    head = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
    text = base64.encodebytes(head + x.to_bytes(32, "big") + y.to_bytes(32, "big")).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{text}-----END PUBLIC KEY-----\n"


NUMBERS = PRIVATE.public_key().public_numbers()
BAD_KEYS = {
    "unknown type": ecdsa(PEM, keytype="dsa"),
    "unknown scheme": ecdsa(PEM, scheme="ecdsa-sha2-nistp384"),
    "scheme of another type": ecdsa(PEM, scheme="rsassa-pss-sha256"),
    "no public part": ecdsa(PEM, keyval={}),
    "keyval is a list": ecdsa(PEM, keyval=[]),
    "public part is a number": ecdsa(PEM, keyval={"public": 7}),
    "empty": ecdsa(""),
    "not PEM": ecdsa("hello"),
    "half a PEM": ecdsa(PEM[:60]),
    "another label": ecdsa(PEM.replace("PUBLIC", "PRIVATE")),
    "another curve": ecdsa(ec.generate_private_key(ec.SECP384R1()).public_key()),
    "secp256k1": ecdsa(ec.generate_private_key(ec.SECP256K1()).public_key()),
    "a point off the curve": ecdsa(with_point(NUMBERS.x, NUMBERS.y ^ 1)),
    "the point 0, 0": ecdsa(with_point(0, 0)),
    "a coordinate above the prime": ecdsa(with_point(2**256 - 1, NUMBERS.y)),
    "RSA labelled ECDSA": ecdsa(rsa.generate_private_key(65537, 2048).public_key()),
    "RSA of 1024 bits": rsa_pss(rsa.RSAPublicNumbers(65537, (1 << 1023) + 1).public_key()),
    "RSA of 8192 bits": rsa_pss(rsa.RSAPublicNumbers(65537, (1 << 8191) + 1).public_key()),
    "RSA with an exponent of 2048 bits": rsa_pss(
        rsa.RSAPublicNumbers((1 << 2046) + 1, (1 << 2047) + 1).public_key()
    ),
}


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS)
def test_a_key_that_is_none_verifies_nothing(verdicts, key):
    assert verdicts([(key, GOOD, DIGEST)]) == [False]


@pytest.mark.parametrize("text", ("", "zz", "0", GOOD.upper() + "0", 7, None, [GOOD]))
def test_a_signature_that_is_none_verifies_nothing(verdicts, text):
    assert verdicts([(ecdsa(PEM), text, DIGEST)]) == [False]


@pytest.mark.parametrize(
    ("r", "s"), ((0, 0), (0, 1), (1, 0), (1, 1), (ORDER, 1), (1, ORDER), (ORDER - 1, ORDER - 1))
)
def test_numbers_at_the_edge_verify_nothing(verdicts, r, s):
    signature = utils.encode_dss_signature(r, s).hex()
    assert verdicts([(ecdsa(PEM), signature, DIGEST)]) == [False]


def test_a_sum_that_meets_the_point_at_infinity_verifies_nothing(verdicts):
    """Q = -G and u = v: both halves cancel."""
    private = ec.derive_private_key(ORDER - 1, ec.SECP256R1())
    digest = (5).to_bytes(32, "big")
    signature = utils.encode_dss_signature(5, 9)
    cases = [(ecdsa(private.public_key()), signature.hex(), digest.hex())]
    assert verdicts(cases) == [openssl_takes(private.public_key(), signature, digest)] == [False]


def test_the_base_point_itself_is_a_key_like_others(verdicts):
    private = ec.derive_private_key(1, ec.SECP256R1())
    cases = []
    for n in range(4):
        signature = private.sign(bytes([n]), ec.ECDSA(SHA256))
        digest = hashlib.sha256(bytes([n])).hexdigest()
        cases.append((ecdsa(private.public_key()), signature.hex(), digest))
    assert verdicts(cases) == [True] * 4


def test_ed25519_needs_its_module_and_is_refused_without(verdicts):
    private = ed25519.Ed25519PrivateKey.generate()
    key = {
        "keytype": "ed25519",
        "scheme": "ed25519",
        "keyval": {"public": private.public_key().public_bytes_raw().hex()},
    }
    assert verdicts([(key, private.sign(b"x").hex(), DIGEST)]) == [False]


ED25519 = """
import sys
sys.path.insert(0, given[0])
from binascii import unhexlify
from ed25519 import verify

def run(steps):
    try:
        while True:
            next(steps)
    except StopIteration as e:
        return e.value

for key, text, message in given[1]:
    message = unhexlify(message)
    print(int(run(verify(unhexlify(key), unhexlify(text), lambda put: put(message)))))
"""


def test_ed25519_signatures_of_messages_of_any_length_are_taken_and_changed_ones_are_not(
    on_board,
):
    cases, expected = [], []
    for size in (0, 1, 63, 64, 111, 112, 127, 128, 129, 500):
        private = ed25519.Ed25519PrivateKey.generate()
        public, message = private.public_key().public_bytes_raw().hex(), os.urandom(size)
        good = private.sign(message)
        order = 2**252 + 27742317777372353535851937790883648493
        s = int.from_bytes(good[32:], "little") + order  # malleable, were it not refused
        flipped = bytes([good[0] ^ 1]) + good[1:]
        for signature in (good, flipped, good[:32] + s.to_bytes(32, "little")):
            cases.append((public, signature.hex(), message.hex()))
            expected.append("1" if signature == good else "0")
    folder = Path(__file__).parents[4] / "examples/lib"
    assert on_board(ED25519, str(folder), cases) == expected
