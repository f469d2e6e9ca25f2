"""A claim code is of use once, and not for ever."""

from datetime import timedelta

import pytest
from host_samples import DEVICE_ID, make_device

from host.errors import HostError
from host.models import Device, User
from host.services import devices
from host.services.clock import utc

CODE = "ABCD-EFGH"


def claim(session, host, person, **more):
    user = session.get(User, person.id)
    return devices.claim(session, host.settings, user, CODE, **more)


def test_of_two_at_the_same_time_one_gets_the_board(db, host, alice, bob):
    make_device(db, claim_code=CODE)
    db.get(Device, DEVICE_ID)  # Alice's request has read it, when Bob's is faster
    with host.database.begin() as other:
        claim(other, host, bob)
    user = db.get(User, alice.id)
    with pytest.raises(HostError) as refused:
        devices.take(db, db.get(Device, DEVICE_ID), user, "by its claim code", now=utc())
    db.rollback()
    assert refused.value.code == "no-such-code"
    assert db.get(Device, DEVICE_ID).owner_id == bob.id


def test_a_code_expires(db, host, alice):
    make_device(db, claim_code=CODE)
    tomorrow = utc() + timedelta(days=1, seconds=1)
    with pytest.raises(HostError) as refused:
        claim(db, host, alice, now=tomorrow)
    assert refused.value.code == "no-such-code"
