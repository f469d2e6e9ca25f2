"""Signatures over TUF metadata: ECDSA P-256 and RSA-PSS, in plain bytecode. Pure.

Sources: FIPS 186-5 section 6.4.2 and SEC 1 section 4.1.4 (ECDSA), RFC 8017 section 8.1.2
(RSASSA-PSS), RFC 5480 and RFC 8017 appendix A (how keys are written), the securesystemslib key
format (what TUF calls keytype, scheme and keyval). Everything here is public: nothing needs to run
in constant time.

`verify` is a generator that yields None now and then, so that a verification, half a second on an
ESP32, does not hold up the loop that drives it.
"""

from binascii import a2b_base64, unhexlify
from hashlib import sha256

from micropython import const

_BITS = const(256)
_BREATHE = const(15)  # doublings between two yields: about 30 ms on an ESP32
_RSA_BYTES_MAX = const(512)  # 4096 bits
_RSA_BYTES_MIN = const(256)
_MALFORMED = (AttributeError, IndexError, KeyError, TypeError, ValueError)
_EXPONENT_MAX = const(65537)  # a larger one buys nothing, and an absurd one takes minutes

# What stands before the point of an uncompressed P-256 key (RFC 5480), and before the SEQUENCE of
# an RSA key (RFC 8017, rsaEncryption): one way of writing each, so that a key has one name.
_P256_HEAD = b"0Y0\x13\x06\x07*\x86H\xce=\x02\x01\x06\x08*\x86H\xce=\x03\x01\x07\x03B\x00\x04"
_RSA_HEAD = b"0\r\x06\t*\x86H\x86\xf7\r\x01\x01\x01\x05\x00"

# p, order, b, and the base point's x and y (SEC 2 section 2.4.2), 32 bytes each: one constant,
# because loose large ones fragment the heap.
_CURVE = (
    b"\xff\xff\xff\xff\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00"
    b"\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    b"\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff"
    b"\xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfcc%Q"
    b"Z\xc65\xd8\xaa:\x93\xe7\xb3\xeb\xbdUv\x98\x86\xbc"
    b"e\x1d\x06\xb0\xccS\xb0\xf6;\xce<>'\xd2`K"
    b"k\x17\xd1\xf2\xe1,BG\xf8\xbc\xe6\xe5c\xa4@\xf2"
    b"w\x03}\x81-\xeb3\xa0\xf4\xa19E\xd8\x98\xc2\x96"
    b"O\xe3B\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xebJ|\x0f\x9e\x16"
    b"+\xce3Wk1^\xce\xcb\xb6@h7\xbfQ\xf5"
)


def public(key):
    """What tells two keys apart however they are labelled; None for one we cannot use.

    `key`: keytype, scheme and keyval as in metadata.
    """
    try:
        kind = _KINDS.get((key["keytype"], key["scheme"]))
        return kind and kind[0](key["keyval"]["public"])
    except _MALFORMED:
        return None


def verify(key, signature_hex, digest, feed):
    """Generator: whether this is the key's signature; yields None now and then.

    `digest`: SHA-256 of what is signed, 32 bytes. `feed(put)` puts the signed bytes themselves, in
    pieces, for schemes that do not sign a SHA-256.
    """
    try:
        kind = _KINDS[key["keytype"], key["scheme"]]
        signature = unhexlify(signature_hex)
        return (yield from kind[1](kind[0](key["keyval"]["public"]), signature, digest, feed))
    except _MALFORMED:
        return False


def _der(pem):
    lines = pem.strip().split("\n")
    if lines[0].strip() != "-----BEGIN PUBLIC KEY-----":
        raise ValueError
    if lines[-1].strip() != "-----END PUBLIC KEY-----":
        raise ValueError
    return a2b_base64("".join(lines[1:-1]))


def _tlv(data, at, tag):
    """Where the contents of an element begin and end (X.690 section 8.1, DER: shortest form)."""
    if data[at] != tag:
        raise ValueError
    size = data[at + 1]
    at += 2
    if size > 127:
        count = size & 127
        size = int.from_bytes(data[at : at + count], "big")
        at += count
        if not 0 < count < 3 or size < 128 or size >> (8 * (count - 1)) == 0:
            raise ValueError
    if at + size > len(data):
        raise ValueError
    return at, at + size


def _number(data, at):
    """A positive INTEGER and where it ends."""
    begin, end = _tlv(data, at, 2)
    if end == begin or data[begin] > 127:
        raise ValueError
    if not data[begin] and (end - begin == 1 or data[begin + 1] < 128):
        raise ValueError
    return int.from_bytes(data[begin:end], "big"), end


def _pair(data):
    """The two numbers of a SEQUENCE of just these."""
    at, end = _tlv(data, 0, 0x30)
    first, at = _number(data, at)
    second, at = _number(data, at)
    if at != end or end != len(data):
        raise ValueError
    return first, second


# --- ECDSA


def _p256_key(pem):
    der = _der(pem)
    if der[:27] != _P256_HEAD or len(der) != 27 + 64:
        raise ValueError
    return der[27:]


def _curve(i):
    return int.from_bytes(_CURVE[32 * i : 32 * i + 32], "big")


def _p256_verify(point, signature, digest, _):
    p, order = _curve(0), _curve(1)
    r, s = _pair(signature)
    x = int.from_bytes(point[:32], "big")
    y = int.from_bytes(point[32:], "big")
    if not (0 < r < order and 0 < s < order and x < p and y < p):
        return False
    if (y * y - x * x * x + 3 * x - _curve(2)) % p:
        return False
    inverse = pow(s, order - 2, order)
    u = int.from_bytes(digest, "big") * inverse % order
    v = r * inverse % order
    x, _, z = yield from _sum_of_products(u, (_curve(3), _curve(4), 1), v, (x, y, 1), p)
    return (x * pow(z, 2 * p - 4, p) % p) % order == r  # 0 at infinity, and r is not


def _sum_of_products(u, g, v, q, p):
    """u*g + v*q in one pass over the bits of both (Shamir's trick)."""
    choice = (None, g, q, _affine(_add(g, q, p), p))
    total = (0, 1, 0)
    for bit in range(_BITS - 1, -1, -1):
        total = _double(total, p)
        which = (u >> bit & 1) | (v >> bit & 1) << 1
        if which:
            total = _add(total, choice[which], p)
        if bit & _BREATHE == 0:
            yield
    return total


def _affine(point, p):
    """The same point with z = 1, which `_add` wants of its second; the point at infinity stays."""
    x, y, z = point
    if not z:
        return point
    inverse = pow(z, p - 2, p)
    square = inverse * inverse % p
    return x * square % p, y * square * inverse % p, 1


def _double(point, p):
    """Jacobian coordinates, a = -3 (EFD dbl-2001-b)."""
    x, y, z = point
    if not z:
        return point
    delta = z * z % p
    gamma = y * y % p
    beta = x * gamma % p
    alpha = 3 * (x - delta) * (x + delta) % p
    x = (alpha * alpha - 8 * beta) % p
    return (
        x,
        (alpha * (4 * beta - x) - 8 * gamma * gamma) % p,
        2 * y * z % p if y else 0,
    )


def _add(a, b, p):
    """Jacobian plus affine (EFD madd): `b` has z = 1, or is the point at infinity."""
    x1, y1, z1 = a
    x2, y2, z2 = b
    if not z1:
        return b
    if not z2:
        return a
    square = z1 * z1 % p
    h = (x2 * square - x1) % p
    r = (y2 * square * z1 - y1) % p
    if not h:
        return _double(a, p) if not r else (0, 1, 0)
    h2 = h * h % p
    h3 = h * h2 % p
    v = x1 * h2 % p
    x = (r * r - h3 - 2 * v) % p
    return x, (r * (v - x) - y1 * h3) % p, z1 * h % p


# --- RSA-PSS


def _rsa_key(pem):
    der = _der(pem)
    at, end = _tlv(der, 0, 0x30)
    if end != len(der) or der[at : at + len(_RSA_HEAD)] != _RSA_HEAD:
        raise ValueError
    at, end = _tlv(der, at + len(_RSA_HEAD), 3)
    if end != len(der) or der[at]:
        raise ValueError
    modulus, exponent = _pair(der[at + 1 :])
    bits = _length(modulus)
    if not _RSA_BYTES_MIN * 8 <= bits <= _RSA_BYTES_MAX * 8:
        raise ValueError
    if not (modulus & 1 and exponent & 1 and 3 <= exponent <= _EXPONENT_MAX):
        raise ValueError
    return modulus, exponent


def _length(number):
    bits = 0
    while number >> bits:
        bits += 8
    while bits and not number >> (bits - 1):
        bits -= 1
    return bits


def _rsa_verify(key, signature, digest, _):
    modulus, exponent = key
    bits = _length(modulus)
    number = int.from_bytes(signature, "big")
    if len(signature) != (bits + 7) // 8 or number >= modulus:
        return False
    yield
    number = pow(number, exponent, modulus)
    yield
    bits -= 1  # RFC 8017 section 9.1.2: emBits
    size = (bits + 7) // 8
    if number >> bits:
        return False
    return _is_pss(number.to_bytes(size, "big"), bits, digest)


def _is_pss(message, bits, digest):
    """EMSA-PSS-VERIFY with SHA-256 and MGF1, the salt of any length."""
    size = len(message) - 33  # of the masked data block
    if size < 1 or message[-1] != 0xBC:
        return False
    seal = message[size : size + 32]
    block = bytearray(message[:size])
    for i in range(0, size, 32):
        mask = sha256(seal + (i // 32).to_bytes(4, "big")).digest()
        for j in range(i, min(i + 32, size)):
            block[j] ^= mask[j - i]
    block[0] &= 0xFF >> (8 * len(message) - bits)
    at = 0
    while at < size and not block[at]:
        at += 1
    if at == size or block[at] != 1:
        return False
    return sha256(bytes(8) + digest + block[at + 1 :]).digest() == seal


# --- Ed25519


def _ed25519_key(text):
    point = unhexlify(text)
    if len(point) != 32:
        raise ValueError
    return point


def _ed25519_verify(point, signature, _, feed):
    try:
        # optional: a product brings it in its lib/, and no stub knows it
        from ed25519 import verify as verify_ed25519  # type: ignore[import-not-found]
    except ImportError:
        return False
    return (yield from verify_ed25519(point, signature, feed))


_KINDS = {
    # keytype, scheme: how its public key is read, how a signature is verified
    ("ecdsa", "ecdsa-sha2-nistp256"): (_p256_key, _p256_verify),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"): (_p256_key, _p256_verify),
    ("rsa", "rsassa-pss-sha256"): (_rsa_key, _rsa_verify),
    ("ed25519", "ed25519"): (_ed25519_key, _ed25519_verify),
}
