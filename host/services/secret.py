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


def token(prefix):
    """A new bearer token: 32 random bytes behind a prefix that says what it is."""
    return prefix + secrets.token_urlsafe(32)


def claim_code():
    """A new code to type, like ABCD-EFGH: 30^8 possibilities, of which few are ever open."""
    letters = [secrets.choice(_CODE_LETTERS) for _ in range(8)]
    return "".join(letters[:4]) + "-" + "".join(letters[4:])
