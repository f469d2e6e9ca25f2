"""Rate limits."""

from datetime import UTC, datetime, timedelta

import pytest

from host.errors import HostError
from host.models import Attempt
from host.services import limits as rate
from host.settings import LIMITS

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def limits():
    """Two claims in ten seconds."""
    return {"claim:user": (2, 10)}


@pytest.fixture
def hit(db, host):
    """Counts an attempt; how long to wait, or 0."""

    def hit(seconds, subject="1"):
        try:
            now = NOW + timedelta(seconds=seconds)
            rate.hit(db, host.settings, "claim:user", subject, now=now)
        except HostError as error:
            return error.retry_after_s
        return 0

    return hit


def test_the_one_too_many_waits_for_the_window_to_end(hit):
    assert [hit(0), hit(1), hit(2), hit(9.5), hit(10)] == [0, 0, 8, 1, 0]


def test_another_subject_is_counted_apart(hit):
    assert [hit(0), hit(0), hit(0, "2")] == [0, 0, 0]


def test_counters_that_are_over_are_forgotten(hit, db):
    hit(0, "1")
    hit(60, "2")
    assert [one.bucket for one in db.query(Attempt)] == ["claim:user 2"]


ADDRESSES = (
    ("10.0.0.1", "10.0.0.1"),
    ("::ffff:10.0.0.1", "10.0.0.1"),  # as a socket listening on :: sees it
    ("fe80::1%eth0", "fe80::/64"),
    ("2001:db8::1", "2001:db8::/64"),
    ("2001:db8:0:0:ffff::1", "2001:db8::/64"),
    (None, "unknown"),
    ("a unix socket", "unknown"),
)


@pytest.mark.parametrize(("address", "network"), ADDRESSES)
def test_who_shares_a_limit(address, network):
    assert rate.network(address) == network


def test_one_address_cannot_use_up_the_sign_ins_of_a_person():
    (at_all, window_s), (from_one, each_s) = (
        LIMITS[f"sign-in:{name}"] for name in ("email", "email-address")
    )
    assert from_one * window_s / each_s < at_all / 2
