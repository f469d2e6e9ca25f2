"""tls on a virtual board: a server's certificates are judged by the board's clock, not the
computer's.
"""

from tls import *  # noqa: F403 - all of it, but for SSLContext
import tls as _native
import time as _time

_TAG_UTC_TIME = 0x17


def SSLContext(protocol):
    context = _native.SSLContext(protocol)
    context.verify_callback = _judge
    return context


def _judge(certificate, depth):
    not_before, not_after = _validity(certificate)
    now = "%04d%02d%02d%02d%02d%02d" % _time.gmtime()[:6]
    # mbedTLS's words
    if now < not_before:
        raise ValueError("\nThe certificate validity starts in the future\n")
    if now > not_after:
        raise ValueError("\nThe certificate validity has expired\n")
    return 0


def _validity(der):
    """The two times of an X.509 certificate as YYYYMMDDHHMMSS."""
    at, _ = _open(der, 0)  # Certificate
    at, _ = _open(der, at)  # TBSCertificate
    if der[at] == 0xA0:  # version
        at = _after(der, at)
    for _ in range(3):  # serial number, signature, issuer
        at = _after(der, at)
    at, _ = _open(der, at)
    return _moment(der, at), _moment(der, _after(der, at))


def _open(der, at):
    """Where the contents of the element at `at` begin, and how long they are."""
    length = der[at + 1]
    at += 2
    if length & 0x80:
        n = length & 0x7F
        length = int.from_bytes(bytes(der[at : at + n]), "big")
        at += n
    return at, length


def _after(der, at):
    start, length = _open(der, at)
    return start + length


def _moment(der, at):
    start, length = _open(der, at)
    text = bytes(der[start : start + length]).decode()[:-1]
    if der[at] == _TAG_UTC_TIME:  # two digits for the year: 50 and up are the last century's
        text = ("20" if text < "50" else "19") + text
    return text
