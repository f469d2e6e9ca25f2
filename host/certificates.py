"""The form of the fleet's certificates; touches no file, keys and time are arguments."""

import datetime as dt
import ipaddress
import os
import re

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_THIS_MACHINE = ("localhost", "127.0.0.1")
_CA_DAYS = 20 * 365  # a CA changes only with every board of the fleet
_CA_BACKDATE = dt.timedelta(days=1)  # a clock set to local time is up to 14 hours off
_LEAF_DAYS = 397  # ahead of now; what browsers grant public CAs (they do not limit private ones)
_RENEW_DAYS = 60  # a host that is switched on every other month still renews in time
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")
_USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
           "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")


def subject_names(name, addresses):
    """What a server certificate names: the fleet, this machine, the addresses it is reached by.

    Raises: ValueError when an address is neither an IP address nor a host name.
    """
    texts = dict.fromkeys([name, *_THIS_MACHINE, *addresses])
    return [_general_name(text) for text in texts]


def named(leaf):
    """What a server certificate names beside this machine: (the fleet, the addresses)."""
    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    name, *addresses = [str(one.value) for one in found]
    return name, [text for text in addresses if text not in _THIS_MACHINE]


def why_due(leaf, ca, names, now):
    """The reason why this server certificate needs a successor, or None."""
    if leaf.issuer != ca.subject or leaf.not_valid_before_utc != ca.not_valid_before_utc:
        return "it is of another CA"
    named = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    if set(named) != set(names):
        return "the addresses changed"
    end = min(now + dt.timedelta(days=_RENEW_DAYS), ca.not_valid_after_utc)
    return "it expires soon" if leaf.not_valid_after_utc < end else None


def authority(name, key, now):
    """A self-signed CA certificate for `key`."""
    subject = _subject(f"{name} fleet CA {os.urandom(4).hex()}")  # browsers tell CAs apart by name
    start = (now - _CA_BACKDATE).replace(microsecond=0)
    return (
        _builder(subject, subject, key.public_key(), start, start + dt.timedelta(days=_CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage("key_cert_sign", "crl_sign"), critical=True)
        .sign(key, hashes.SHA256())
    )


def server(ca, ca_key, public_key, names, now):
    """A server certificate, back-dated to its CA's start: boards with an old time floor get in."""
    start = ca.not_valid_before_utc
    end = max(now, start).replace(microsecond=0) + dt.timedelta(days=_LEAF_DAYS)
    end = min(end, ca.not_valid_after_utc)
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    return (
        _builder(_subject(names[0].value), ca.subject, public_key, start, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage("digital_signature"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(issuer_id, critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _general_name(text):
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        if not _HOST_NAME.fullmatch(text.lower()):
            raise ValueError(f"{text!r} is neither an IP address nor a host name") from None
        return x509.DNSName(text.lower())


def _builder(subject, issuer, public_key, start, end):
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _subject(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_usage(*names):
    return x509.KeyUsage(**{name: name in names for name in _USAGES})
