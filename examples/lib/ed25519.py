"""Ed25519 signatures (RFC 8032 section 5.1.7). Optional: copied into a product's lib/ it is used.

MicroPython has no SHA-512, so it is here too (FIPS 180-4 section 6.4). `verify` yields None now
and then, like device/update/signature.py.
"""

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = 37095705934669439343138083508754565189542113879843219016388785533085940283555
_ROOT = 19681161376707505956807079304988542015446066515923890162744021073123829784752  # of -1
_BASE = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
)
_MASK = 2**64 - 1
_BREATHE = 15


def verify(point, signature, feed):
    """Generator: whether this is the key's signature; `feed(put)` puts the message in pieces."""
    if len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    a, r = _decode(point), _decode(signature[:32])
    if a is None or r is None or s >= _ORDER:
        return False
    yield
    digest = Sha512()
    digest.update(signature[:32])
    digest.update(point)
    feed(digest.update)
    yield
    k = int.from_bytes(digest.digest(), "little") % _ORDER
    left = yield from _product(s, _extended(_BASE))
    right = yield from _product(k, _extended(a))
    return _is_equal(left, _add(_extended(r), right))


class Sha512:
    """SHA-512 with the interface of hashlib."""

    def __init__(self):
        self._constants = _roots(80, 3)
        self._state = _roots(8, 2)
        self._words = [0] * 16
        self._block = bytearray(128)
        self._size = 0

    def update(self, data):
        """Hash on."""
        for byte in data:
            self._put(byte)

    def digest(self):
        """The hash, 64 bytes; it can be asked once."""
        bits = self._size * 8
        self._put(0x80)
        while self._size % 128 != 112:
            self._put(0)
        self.update(bits.to_bytes(16, "big"))
        return b"".join([word.to_bytes(8, "big") for word in self._state])

    def _put(self, byte):
        at = self._size % 128
        self._block[at] = byte
        self._size += 1
        if at == 127:
            self._compress()

    def _compress(self):
        words = self._words
        for i in range(16):
            words[i] = int.from_bytes(self._block[8 * i : 8 * i + 8], "big")
        a, b, c, d, e, f, g, h = self._state
        for t in range(80):
            x = h + (_right(e, 14) ^ _right(e, 18) ^ _right(e, 41)) + (e & f ^ ~e & g)
            x += self._constants[t] + words[t & 15]
            y = (_right(a, 28) ^ _right(a, 34) ^ _right(a, 39)) + (a & b ^ a & c ^ b & c)
            h, g, f, e, d, c, b, a = g, f, e, (d + x) & _MASK, c, b, a, (x + y) & _MASK
            self._extend(t)
        for i, word in enumerate((a, b, c, d, e, f, g, h)):
            self._state[i] = (self._state[i] + word) & _MASK

    def _extend(self, t):
        """Word t + 16, in the place of word t."""
        words = self._words
        x, y = words[(t + 1) & 15], words[(t + 14) & 15]
        x = _right(x, 1) ^ _right(x, 8) ^ (x >> 7)
        y = _right(y, 19) ^ _right(y, 61) ^ (y >> 6)
        words[t & 15] = (words[t & 15] + x + words[(t + 9) & 15] + y) & _MASK


def _right(word, n):
    return (word >> n | word << (64 - n)) & _MASK


def _roots(count, degree):
    """First 64 bits behind the point of the square or cube roots of the first primes."""
    found = [0] * count  # made once: growing it would take the heap twice
    at, candidate = 0, 2
    while at < count:
        if all(candidate % n for n in range(2, candidate)):
            found[at] = _root(candidate << (64 * degree), degree) & _MASK
            at += 1
        candidate += 1
    return found


def _root(number, degree):
    low, high = 0, 1 << 70
    while high - low > 1:
        middle = (low + high) // 2
        if middle**degree <= number:
            low = middle
        else:
            high = middle
    return low


def _decode(data):
    """The point (x, y), or None where these bytes are none (RFC 8032 section 5.1.3)."""
    y = int.from_bytes(data, "little")
    sign = y >> 255
    y &= 2**255 - 1
    if y >= _P:
        return None
    u, v = y * y - 1, _D * y * y + 1
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P) % _P, (_P - 5) // 8, _P) % _P
    if (v * x * x - u) % _P:
        x = x * _ROOT % _P
        if (v * x * x - u) % _P:
            return None
    if not x and sign:
        return None
    return (x if x & 1 == sign else _P - x), y


def _extended(point):
    x, y = point
    return x, y, 1, x * y % _P


def _add(a, b):
    """Extended coordinates (RFC 8032 section 5.1.4)."""
    x1, y1, z1, t1 = a
    x2, y2, z2, t2 = b
    c = (y1 - x1) * (y2 - x2)
    d = (y1 + x1) * (y2 + x2)
    e, f = 2 * t1 * t2 * _D, 2 * z1 * z2
    c, d, e, f = d - c, f - e, f + e, d + c
    return c * d % _P, e * f % _P, d * e % _P, c * f % _P


def _product(number, point):
    total = (0, 1, 1, 0)
    for bit in range(252, -1, -1):  # both are below the order
        total = _add(total, total)
        if number >> bit & 1:
            total = _add(total, point)
        if bit & _BREATHE == 0:
            yield
    return total


def _is_equal(a, b):
    return not ((a[0] * b[2] - b[0] * a[2]) % _P or (a[1] * b[2] - b[1] * a[2]) % _P)
