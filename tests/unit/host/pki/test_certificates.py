"""Which certificates are issued, and when they are due."""

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from host import certificates

NOW = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
NAMES = certificates.subject_names("mpfleet", ["192.168.1.10", "fleet.lan"])
KEY = ec.generate_private_key(ec.SECP256R1())
CA = certificates.authority("mpfleet", KEY, NOW)


def issue(now, names=NAMES, ca=CA):
    return certificates.server(ca, KEY, KEY.public_key(), names, now)


def test_the_authority_lives_for_ten_years_or_more():
    assert CA.not_valid_after_utc - NOW > 3650 * DAY


def test_a_time_floor_set_at_deploy_lies_within_the_authority():
    assert CA.not_valid_before_utc < NOW - dt.timedelta(hours=14)


def test_a_server_certificate_issued_years_later_starts_with_its_authority():
    leaf = issue(NOW + 1000 * DAY)
    assert leaf.not_valid_before_utc == CA.not_valid_before_utc


def test_a_server_certificate_ends_397_days_ahead():
    assert issue(NOW).not_valid_after_utc == NOW + 397 * DAY


def test_a_server_certificate_does_not_outlive_its_authority():
    leaf = issue(CA.not_valid_after_utc - DAY)
    assert leaf.not_valid_after_utc == CA.not_valid_after_utc


def test_a_server_certificate_names_the_fleet_this_machine_and_the_addresses():
    names = issue(NOW).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    dns = names.get_values_for_type(x509.DNSName)
    ips = [str(ip) for ip in names.get_values_for_type(x509.IPAddress)]
    assert (dns, ips) == (["mpfleet", "localhost", "fleet.lan"], ["127.0.0.1", "192.168.1.10"])


def test_a_server_certificate_is_for_servers_and_signs_no_other():
    leaf = issue(NOW).extensions
    usage = leaf.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert leaf.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert leaf.get_extension_for_class(x509.KeyUsage).value.key_cert_sign is False


@pytest.mark.parametrize(
    ("passed", "reason"),
    ((0, None), (336, None), (338, "it expires soon"), (500, "it expires soon")),
)
def test_a_server_certificate_is_due_sixty_days_ahead(passed, reason):
    assert certificates.why_due(issue(NOW), CA, NAMES, NOW + passed * DAY) == reason


def test_a_server_certificate_is_due_when_the_addresses_change():
    moved = certificates.subject_names("mpfleet", ["192.168.1.11"])
    assert certificates.why_due(issue(NOW), CA, moved, NOW) == "the addresses changed"


def test_a_server_certificate_is_not_due_when_addresses_only_change_places():
    swapped = certificates.subject_names("mpfleet", ["fleet.lan", "192.168.1.10"])
    assert certificates.why_due(issue(NOW), CA, swapped, NOW) is None


def test_a_server_certificate_of_another_authority_is_due():
    other = certificates.authority("mpfleet", KEY, NOW)
    assert certificates.why_due(issue(NOW), other, NAMES, NOW) == "it is of another CA"


def test_a_certificate_that_ends_with_its_authority_is_not_renewed_for_ever():
    now = CA.not_valid_after_utc - DAY
    assert certificates.why_due(issue(now), CA, NAMES, now) is None


@pytest.mark.parametrize("text", ("", "a b", "https://x", "x/y", "-x", "x..y", "ü.lan", "x" * 300))
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match="neither an IP address nor a host name"):
        certificates.subject_names("mpfleet", [text])
