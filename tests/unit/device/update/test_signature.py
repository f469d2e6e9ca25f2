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


@pytest.mark.parametrize("bits", (1024, 2040, 4104))
def test_a_good_signature_of_a_key_of_another_size_is_refused(verdicts, bits):
    private = rsa.generate_private_key(65537, bits)
    scheme = padding.PSS(padding.MGF1(SHA256), 32)
    digest = hashlib.sha256(b"x").hexdigest()
    signature = private.sign(b"x", scheme, SHA256).hex()
    assert verdicts([(rsa_pss(private.public_key()), signature, digest)]) == [False]


def encoded(digest, size, end=0xBC, mark=1, first_bit=0):
    """EMSA-PSS of a digest in whole bytes (RFC 8017 section 9.1.1), or one that is not quite."""
    salt = os.urandom(32)
    seal = hashlib.sha256(bytes(8) + digest + salt).digest()
    block = bytes(size - 66) + bytes([mark]) + salt
    mask = b"".join(
        hashlib.sha256(seal + n.to_bytes(4, "big")).digest() for n in range(size // 32 + 1)
    )
    masked = bytearray(a ^ b for a, b in zip(block, mask, strict=False))
    masked[0] = masked[0] & 0x7F | first_bit << 7
    return int.from_bytes(bytes(masked) + seal + bytes([end]), "big")


PSS = {
    "good": {},
    "another end": {"end": 0xBD},
    "another mark before the salt": {"mark": 2},
    "no mark before the salt": {"mark": 0},
    "the first bit set": {"first_bit": 1},
}


@pytest.mark.parametrize("name", PSS)
def test_a_pss_message_is_written_in_one_way(verdicts, name):
    private = rsa.generate_private_key(65537, 2048)
    numbers = private.private_numbers()
    modulus = numbers.public_numbers.n
    digest = hashlib.sha256(b"x").digest()
    message = modulus
    while message >= modulus:  # its mask is another each time
        message = encoded(digest, 256, **PSS[name])
    signature = pow(message, numbers.d, modulus).to_bytes(256, "big")
    case = (rsa_pss(private.public_key()), signature.hex(), digest.hex())
    assert verdicts([case]) == [name == "good"]


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


def der(tag, *contents):
    """An element of DER; its length in the short form."""
    content = b"".join(contents)
    return bytes([tag, len(content)]) + content


def large_pair():
    """(r, s, digest) of a good signature, r and s with their first bit set."""
    for n in range(1000):
        signature = PRIVATE.sign(bytes([n % 256, n // 256]), ec.ECDSA(SHA256))
        r, s = utils.decode_dss_signature(signature)
        if r >> 255 and s >> 255:
            return r, s, hashlib.sha256(bytes([n % 256, n // 256])).hexdigest()
    raise AssertionError


R, S, LARGE_DIGEST = large_pair()
R_BYTES, S_BYTES = b"\0" + R.to_bytes(32, "big"), b"\0" + S.to_bytes(32, "big")
FORMS = {
    # the same two numbers, or numbers that stand for the same
    "good": der(0x30, der(2, R_BYTES), der(2, S_BYTES)),
    "r without its zero, so below 0": der(0x30, der(2, R_BYTES[1:]), der(2, S_BYTES)),
    "s without its zero, so below 0": der(0x30, der(2, R_BYTES), der(2, S_BYTES[1:])),
    "r with a zero more": der(0x30, der(2, b"\0" + R_BYTES), der(2, S_BYTES)),
    "s and the order": utils.encode_dss_signature(R, S + ORDER),
    "something behind s": der(0x30, der(2, R_BYTES), der(2, S_BYTES), der(5)),
    "something behind it all": der(0x30, der(2, R_BYTES), der(2, S_BYTES)) + der(5),
    "a set": der(0x31, der(2, R_BYTES), der(2, S_BYTES)),
    "r as a text": der(0x30, der(4, R_BYTES), der(2, S_BYTES)),
    "lengths that go on": der(0x30, der(2, R_BYTES), b"\x02\x40" + S_BYTES),
    "a length in two bytes": b"\x30\x82\x00\x46" + der(2, R_BYTES) + der(2, S_BYTES),
    "no end": b"\x30\x80" + der(2, R_BYTES) + der(2, S_BYTES) + b"\0\0",
    "r of no bytes": der(0x30, der(2), der(2, S_BYTES)),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_signature_is_written_in_one_way(verdicts, name):
    verdict = openssl_takes(PRIVATE.public_key(), FORMS[name], bytes.fromhex(LARGE_DIGEST))
    assert verdicts([(ecdsa(PEM), FORMS[name].hex(), LARGE_DIGEST)]) == [verdict]
    assert verdict == (name == "good")


def test_a_key_is_written_in_one_way(verdicts):
    head = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
    point = NUMBERS.x.to_bytes(32, "big") + NUMBERS.y.to_bytes(32, "big")
    keys = [head + point, head + point + b"\0", *(changed(head, at) + point for at in range(27))]
    texts = [base64.encodebytes(key).decode() for key in keys]
    cases = [
        (ecdsa(f"-----BEGIN PUBLIC KEY-----\n{text}-----END PUBLIC KEY-----\n"), GOOD, DIGEST)
        for text in texts
    ]
    assert verdicts(cases) == [True] + [False] * 28


def changed(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


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
    "another label at the start": ecdsa(PEM.replace("PUBLIC", "PRIVATE", 1)),
    "another label at the end": ecdsa(PEM.replace("END PUBLIC", "END PRIVATE")),
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


PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B


def plus(a, b):
    """The sum of two points; the curve's b is not in it, so it has one off the curve, too."""
    (x1, y1), (x2, y2) = a, b
    slope = (3 * x1 * x1 - 3, 2 * y1) if a == b else (y2 - y1, x2 - x1)
    slope = slope[0] * pow(slope[1], -1, PRIME) % PRIME
    x = (slope * slope - x1 - x2) % PRIME
    return x, (slope * (x1 - x) - y1) % PRIME


def times(number, point):
    total = None
    for bit in bin(number)[2:]:
        total = total and plus(total, total)
        if bit == "1":
            total = plus(total, point) if total else point
    return total


def on_curve(x):
    """The next point at or after x."""
    square = (x**3 - 3 * x + B) % PRIME
    y = pow(square, (PRIME + 1) // 4, PRIME)
    return (x, y) if y * y % PRIME == square else on_curve(x + 1)


BASE = ec.derive_private_key(1, ec.SECP256R1()).public_key().public_numbers()
BASE = (BASE.x, BASE.y)


def forged(point):
    """(signature in hex, digest in hex) that the equation holds for: nobody has the key.

    The digest is 0, so that the base point stays out of it, which may be on another curve.
    """
    number = 98765432109876543210
    r = times(number, point)[0] % ORDER
    s = r * pow(number, -1, ORDER) % ORDER
    return utils.encode_dss_signature(r, s).hex(), "00" * 32


def test_a_coordinate_has_one_way_to_be_written(verdicts):
    x, y = on_curve(5)
    assert x + PRIME < 2**256
    cases = [(ecdsa(with_point(x + more, y)), *forged((x, y))) for more in (0, PRIME)]
    assert verdicts(cases) == [True, False]


def test_a_point_off_the_curve_is_no_key_though_the_equation_holds(verdicts):
    assert verdicts([(ecdsa(with_point(7, 8)), *forged((7, 8)))]) == [False]


def test_a_point_whose_x_is_above_the_order_verifies(verdicts):
    x, y = on_curve(ORDER + 1)
    a, b = 12345678901234567890, 98765432109876543210
    minus = times(ORDER - a, BASE)
    point = times(pow(b, -1, ORDER), plus((x, y), minus))
    s = (x - ORDER) * pow(b, -1, ORDER) % ORDER
    signature = utils.encode_dss_signature(x - ORDER, s)
    digest = (a * s % ORDER).to_bytes(32, "big")
    key = ec.EllipticCurvePublicNumbers(*point, ec.SECP256R1()).public_key()
    taken = openssl_takes(key, signature, digest)
    assert verdicts([(ecdsa(key), signature.hex(), digest.hex())]) == [taken] == [True]


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


@pytest.mark.parametrize("number", (1, 2, ORDER - 1, ORDER - 2))
def test_the_base_point_and_its_neighbours_are_keys_like_others(verdicts, number):
    private = ec.derive_private_key(number, ec.SECP256R1())
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
