"""A claim code is of use once, for a while, and to nobody who only guesses."""

from datetime import timedelta
from itertools import count

import pytest
from host_samples import DEVICE_ID, SECRET, make_device, make_user, make_waiting
from sqlalchemy import inspect

from host.errors import HostError
from host.models import Attempt, Device, Event, User
from host.services import claiming, devices, registration
from host.services.clock import utc

OTHER_ID = "24a160000002"
WRONG = "AAAA-AAAA"


@pytest.fixture
def claim(db, host, alice):
    """Claims as Alice; the word of the refusal, or None."""

    def claim(code, device_id=None, who=alice, **more):
        user = db.get(User, who.id)
        given = code, None, "10.0.0.1", device_id
        try:
            claiming.claim(db, host.settings, user, *given, **more)
        except HostError as error:
            return error.code
        return None

    return claim


@pytest.fixture
def waiting(db, host):
    """A board that waits for its person: (device, code)."""
    return make_waiting(db, host.settings)


@pytest.fixture
def register(db, host):
    """A board registers, with the code of the address that it showed."""

    def register(code=None, secret=SECRET, now=None, **more):
        about = {"id": DEVICE_ID, "secret": secret, "product": "blink", "code": code, **more}
        return registration.register(db, host.settings, about, "10.0.0.1", now=now).device

    return register


def test_the_code_is_kept_as_a_hash(waiting, db):
    device, code = waiting
    kept = {column.key: getattr(device, column.key) for column in inspect(Device).columns}
    assert code not in map(str, kept.values())


@pytest.mark.parametrize("form", ("{}", " {} ", "{}."), ids=("typed", "blanks", "full stop"))
def test_a_code_is_taken_however_it_is_typed(claim, waiting, form):
    code = waiting[1].replace("-", " ").lower()
    assert claim(form.format(code)) is None


def test_of_two_at_the_same_time_one_gets_the_board(db, host, waiting, alice, bob):
    db.get(Device, DEVICE_ID)  # Alice's request has read it, when Bob's is faster
    with host.database.begin() as other:
        claiming.claim(other, host.settings, other.get(User, bob.id), waiting[1])
    user = db.get(User, alice.id)
    with pytest.raises(HostError) as refused:
        claiming.take(db, db.get(Device, DEVICE_ID), user, "by its claim code", now=utc())
    db.rollback()
    assert refused.value.code == "no-such-code"
    assert db.get(Device, DEVICE_ID).owner_id == bob.id


def test_a_code_expires(claim, waiting):
    assert claim(waiting[1], now=utc() + timedelta(days=1, seconds=1)) == "no-such-code"


def test_a_code_is_of_no_use_afterwards(claim, waiting, bob):
    assert claim(waiting[1]) is None
    assert claim(waiting[1], who=bob) == claim(waiting[1]) == "no-such-code"


def test_a_thousand_guesses_meet_the_limit_and_the_board_waits_on(claim, waiting, db, bob):
    device, code = waiting
    answers = [claim(f"{n:08}") for n in range(1000)]
    assert answers == ["no-such-code"] * 20 + ["rate-limited"] * 980
    assert claim(code) == "rate-limited"  # nor does a right one come through
    assert device.state == "unclaimed"
    assert claim(code, who=bob) is None  # another person is not locked out by Alice


def test_many_accounts_at_one_address_meet_a_limit_too(claim, waiting, db):
    people = [make_user(db, f"{n}@example.com", "operator") for n in range(10)]
    answers = [claim(WRONG, who=person) for _ in range(10) for person in people]
    assert answers.count("no-such-code") == 60


def test_claiming_a_whole_hub_of_boards_is_no_guessing(claim, db, host):
    ids = (f"24a1600000{n:02x}" for n in count())
    codes = [make_waiting(db, host.settings, next(ids))[1] for _ in range(30)]
    assert [claim(code) for code in codes] == [None] * 30


def test_a_right_code_does_not_forgive_the_wrong_ones(claim, db, host, waiting):
    for _ in range(5):
        claim(WRONG)
    claim(waiting[1])
    assert {one.count for one in db.query(Attempt)} == {5}


def test_a_board_that_waits_keeps_its_code(register, host):
    first, second = (claiming.code(host.settings, register()) for _ in range(2))
    assert first == second


def test_a_host_with_another_key_shows_another_code(register, claim, host):
    first = claiming.code(host.settings, register())
    (host.settings.data_folder / "secret_key").write_text("ab" * 32)
    second = claiming.code(host.settings, register())
    assert (claim(first), claim(second)) == ("no-such-code", None)


# The address that a board shows: SPEC section 16


def test_the_boards_own_code_claims_it(register, claim, db):
    device = register("ABCD-EFGH")
    assert claim("abcd efgh", DEVICE_ID) is None
    assert (device.state, device.board_code_digest) == ("claimed", None)


def test_the_boards_own_code_is_for_that_board_only(register, claim, db, host):
    register("ABCD-EFGH")
    make_waiting(db, host.settings, OTHER_ID)
    assert claim("ABCD-EFGH", OTHER_ID) == claim("ABCD-EFGH") == "no-such-code"


def test_the_boards_own_code_is_good_for_an_hour_from_when_it_was_first_heard(register, claim):
    first = utc()
    register("ABCD-EFGH", now=first)
    register("ABCD-EFGH", now=first + timedelta(minutes=50))
    late = first + timedelta(seconds=3601)
    assert claim("ABCD-EFGH", DEVICE_ID, now=late) == "no-such-code"


def test_a_newer_code_of_the_board_replaces_the_older(register, claim):
    register("ABCD-EFGH")
    register("JKLM-NPQR")
    assert claim("ABCD-EFGH", DEVICE_ID) == "no-such-code"
    assert claim("JKLM-NPQR", DEVICE_ID) is None


def test_a_code_comes_only_from_the_board_that_has_the_secret(register, claim):
    register()
    with pytest.raises(HostError):
        register("ABCD-EFGH", secret="0" * 64)
    assert claim("ABCD-EFGH", DEVICE_ID) == "no-such-code"


def test_a_claimed_board_takes_no_code(register, claim, db, alice, bob):
    make_device(db, alice)
    register("ABCD-EFGH")
    assert claim("ABCD-EFGH", DEVICE_ID, who=bob) == "no-such-code"
    assert db.get(Device, DEVICE_ID).board_code_digest is None


@pytest.mark.parametrize("code", ("", "abcd-efgh", "ABCD-EFG1", "A" * 99))
def test_an_odd_code_of_a_board_is_refused(register, code):
    with pytest.raises(HostError) as refused:
        register(code)
    assert refused.value.code == "bad-request"


STANDINGS = (
    # device: owner and fields; what Alice's page says
    ("unknown", None, None, claiming.WAITING),
    ("registered, its code not heard", "", {}, claiming.WAITING),
    ("waits too long", "", {"registered_at": utc() - timedelta(days=2)}, claiming.WAITING),
    ("its code heard", "", {"board_code_digest": "1" * 64}, claiming.READY),
    ("Alice's", "alice", {}, claiming.YOURS),
    ("Bob's", "bob", {}, claiming.REFUSED),
    ("Bob's, retired", "bob", {"state": "retired"}, claiming.REFUSED),
)


@pytest.mark.parametrize(("whose", "fields", "says"), [row[1:] for row in STANDINGS],
                         ids=[row[0] for row in STANDINGS])  # fmt: skip
def test_what_an_address_leads_to(db, host, alice, bob, whose, fields, says):
    if fields is not None:
        make_device(db, {"alice": alice, "bob": bob}.get(whose), **fields)
    user = db.get(User, alice.id)
    assert claiming.standing(db, host.settings, user, DEVICE_ID) == says


# Giving back


def test_what_is_given_back_waits_for_its_next_person(db, host, claim, alice, bob, device):
    device.name, device.registered_at = "kitchen", utc() - timedelta(days=90)
    claiming.give_back(db, host.settings, device, alice.email)
    code = claiming.code(host.settings, device)
    assert (device.state, device.owner, device.name) == ("unclaimed", None, "")
    assert devices.mine(db, db.get(User, alice.id)) == []
    assert claim(code, who=bob) is None
    assert device.owner.email == bob.email


def test_a_board_keeps_its_secret_when_it_is_given_back(db, host, register, alice, device):
    claiming.give_back(db, host.settings, device, alice.email)
    assert register().state == "unclaimed"


def test_giving_back_stands_on_the_record(db, host, alice, device):
    claiming.give_back(db, host.settings, device, alice.email)
    event = db.query(Event).filter_by(what="given-back").one()
    assert (event.who, event.subject) == (alice.email, f"device {DEVICE_ID}")


def test_only_a_claimed_device_is_given_back(db, host, alice):
    device = make_device(db, alice, state="retired")
    with pytest.raises(HostError) as refused:
        claiming.give_back(db, host.settings, device, alice.email)
    assert refused.value.code == "not-claimed"
