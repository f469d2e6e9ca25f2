"""People: addresses, passwords, roles, leaving."""

import threading

import pytest
from host_samples import make_user
from sqlalchemy import event

from host.errors import HostError
from host.models import EnrolmentToken, Event, Link, Token, User
from host.services import accounts, links, tokens
from host.services.clock import utc

WHO = "admin@example.com"


@pytest.fixture
def user(db):
    """The person behind a fixture's."""
    return lambda one: db.get(User, one.id)


def refusal(call, *given, **more):
    with pytest.raises(HostError) as refused:
        call(*given, **more)
    return refused.value.code


# The last two are written in full width.
SAME = (
    "carol@example.com", " Carol@Example.COM ", "\uff43arol@example.com", "carol@exa\uff4dple.com",
)  # fmt: skip


@pytest.mark.parametrize("email", SAME)
def test_addresses_that_look_alike_are_one(db, email):
    accounts.create(db, "carol@example.com")
    assert refusal(accounts.create, db, email) == "email-taken"
    assert accounts.find(db, email).email == "carol@example.com"


ODD = ("", "carol", "a@b@c", "a b@c", "carol@", "@example.com", "a\u202eb@c.d", "a\u200bb@c.d",
       "a\0b@c.d", "x" * 65 + "@c.d")  # fmt: skip


@pytest.mark.parametrize("email", ODD)
def test_an_odd_address_is_refused(db, email):
    assert refusal(accounts.create, db, email) == "bad-request"


WEAK = ("", "123456789", "x" * 1025, "carol.smith", "Carol.Smith@x.Org")


@pytest.mark.parametrize("password", WEAK)
def test_a_weak_password_is_refused(db, password):
    assert refusal(accounts.check_password, "carol.smith@x.org", password) == "weak-password"


def test_a_password_is_hashed_as_dear_as_the_library_recommends(passwords):
    assert passwords.hash("x").startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_the_last_admin_stays_one(db, admin, user):
    assert refusal(accounts.set_role, db, user(admin), "viewer", WHO) == "last-admin"
    assert refusal(accounts.deactivate, db, user(admin), WHO) == "last-admin"
    assert (user(admin).role, user(admin).deactivated_at) == ("admin", None)


def test_an_admin_who_left_does_not_count(db, admin, user):
    gone = make_user(db, "gone@example.com", "admin")
    accounts.deactivate(db, user(gone), WHO)
    assert refusal(accounts.deactivate, db, user(admin), WHO) == "last-admin"
    accounts.set_role(db, user(gone), "viewer", WHO)  # who left is no admin that is missed


def test_with_another_admin_one_may_go(db, admin, user):
    make_user(db, "second@example.com", "admin")
    accounts.set_role(db, user(admin), "viewer", WHO)
    noted = db.query(Event).filter_by(what="role-changed").one()
    assert (noted.who, noted.why) == (WHO, "admin to viewer")


def test_two_admins_who_demote_each_other_at_once_do_not_both_go(db, host, admin, user):
    second = make_user(db, "second@example.com", "admin")
    accounts.set_role(db, user(second), "viewer", WHO)
    db.flush()  # not committed: the other request cannot see it yet
    words, has_come = [], threading.Event()

    def demote():
        with host.database.session() as other:
            event.listen(other.connection().engine, "before_cursor_execute", come)
            try:
                accounts.set_role(other, other.get(User, admin.id), "viewer", WHO)
                other.commit()
            except HostError as error:
                words.append(error.code)

    def come(_connection, _cursor, statement, *_):
        if statement.startswith(("UPDATE", "INSERT")):
            has_come.set()  # its next look at the database waits for us

    thread = threading.Thread(target=demote)
    thread.start()
    assert has_come.wait(10)
    db.commit()
    thread.join(20)
    assert words == ["last-admin"]


def test_an_odd_role_is_refused(db, alice, user):
    assert refusal(accounts.set_role, db, user(alice), "king", WHO) == "bad-request"


def test_who_is_deactivated_is_out_at_once(db, host, alice, user, admin):
    tokens.enrolment(db, host.settings, user(alice))
    links.reset(db, host.settings, user(admin), user(alice))
    accounts.deactivate(db, user(alice), WHO)
    assert tokens.find(db, alice.token) is None
    left = [db.query(kind).filter_by(**of).count() for kind, of in (
        (Token, {"user_id": alice.id}), (EnrolmentToken, {}), (Link, {}),
    )]  # fmt: skip
    assert left == [0, 0, 0]


def test_a_token_that_was_missed_lets_nobody_in_who_left(db, alice, user):
    user(alice).deactivated_at = utc()
    assert tokens.find(db, alice.token) is None


def test_who_is_deactivated_signs_in_no_more_and_is_told_nothing(db, host):
    user, password = accounts.create(db, "carol@example.com")
    accounts.deactivate(db, user, WHO)
    given = db, host.settings, user.email, password, "10.0.0.1"
    assert refusal(accounts.sign_in, *given) == "bad-credentials"
    accounts.activate(db, user, WHO)
    assert accounts.sign_in(*given) is user


def test_another_password_ends_all_sign_ins_but_this(db, alice, user):
    tokens.issue(db, user(alice), "phone", 60)
    accounts.change_password(db, user(alice), "correct horse", WHO, keep=alice.token)
    assert [one.name for one in tokens.of(db, user(alice))] == ["test"]
