"""Secrets of boards and tokens of people: kept as SHA-256, compared in constant time.

A fast hash is right for these: they are random and long, so there is nothing to guess.
"""

import hashlib
import hmac
import secrets

_CODE_LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"  # none that people mix up


def digest(text):
    """What the database keeps of a token or of a board's secret in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def matches(text, kept):
    """Whether `text` is the secret whose digest was kept; takes as long either way."""
    return hmac.compare_digest(digest(text), kept)


def keyed(key, text):
    """What the database keeps of a code to type: few enough to try, but for the host's key."""
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def is_same(digest, kept):
    """Whether two digests are the same; takes as long either way."""
    return hmac.compare_digest(digest, kept)


def token(prefix):
    """A new bearer token: 32 random bytes behind a prefix that says what it is."""
    return prefix + secrets.token_urlsafe(32)


def claim_code(key, seed):
    """The code to type, like ABCD-EFGH, of this seed: 30^8 are possible, of which few are open."""
    rest = int(keyed(key, f"claim {seed}"), 16)
    letters = []
    for _ in range(8):
        rest, letter = divmod(rest, len(_CODE_LETTERS))
        letters.append(_CODE_LETTERS[letter])
    return "".join(letters[:4]) + "-" + "".join(letters[4:])
