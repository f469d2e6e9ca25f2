"""One-time links: invitations, and links to choose another password."""

from datetime import timedelta

import pytest

from host.errors import HostError
from host.models import Link, Token, User
from host.services import accounts, links
from host.services.clock import utc

PASSWORD = "correct horse"
FROM = "10.0.0.1"


@pytest.fixture
def boss(db, admin):
    """The admin, as services see them."""
    return db.get(User, admin.id)


@pytest.fixture
def invite(db, host, boss):
    """The text of a new invitation."""
    return lambda email="carol@example.com", role="approver", **more: links.invite(
        db, host.settings, boss, email, role, **more
    )[0]


@pytest.fixture
def sign_up(db, host):
    """Uses an invitation."""
    return lambda text, password=PASSWORD, **more: links.sign_up(
        db, host.settings, text, password, FROM, **more
    )


def refusal(call, *given, **more):
    with pytest.raises(HostError) as refused:
        call(*given, **more)
    return refused.value.code


def test_an_invitation_makes_the_account_it_says(db, host, invite, sign_up):
    user = sign_up(invite(" Carol@Example.com"))
    assert (user.email, user.role) == ("carol@example.com", "approver")
    assert accounts.sign_in(db, host.settings, user.email, PASSWORD, FROM) is user


def test_an_invitation_is_of_use_once(invite, sign_up):
    text = invite()
    sign_up(text)
    assert refusal(sign_up, text) == "no-such-link"


def test_of_two_at_the_same_time_one_signs_up(db, host, invite, sign_up):
    text = invite()
    db.commit()
    link = links.find(db, links.INVITATION, text)  # this request has seen it, the other is faster
    with host.database.begin() as other:
        links.sign_up(other, host.settings, text, PASSWORD, FROM)
    assert refusal(links._use, db, link) == "no-such-link"


def test_an_invitation_expires(invite, sign_up):
    week, day = invite(), invite("dan@example.com", days=1)
    now = utc()
    assert refusal(sign_up, day, now=now + timedelta(days=1, seconds=1)) == "no-such-link"
    assert refusal(sign_up, week, now=now + timedelta(days=7, seconds=1)) == "no-such-link"


def test_a_newer_invitation_replaces_the_older(invite, sign_up):
    older = invite(role="admin")
    newer = invite(role="viewer")
    assert refusal(sign_up, older) == "no-such-link"
    assert sign_up(newer).role == "viewer"


def test_an_invitation_is_taken_back(db, invite, sign_up, boss):
    text = invite()
    links.take_back(db, links.invitations(db)[0].id, boss.email)
    assert refusal(sign_up, text) == "no-such-link"
    assert refusal(links.take_back, db, 99, boss.email) == "not-found"


def test_a_weak_password_does_not_use_it_up(invite, sign_up):
    text = invite()
    assert refusal(sign_up, text, "short") == "weak-password"
    assert sign_up(text)


@pytest.mark.parametrize(
    ("given", "word"),
    (
        (("admin@example.com", "viewer"), "email-taken"),
        (("nobody", "viewer"), "bad-request"),
        (("carol@example.com", "king"), "bad-request"),
        (("carol@example.com", "viewer", 0), "bad-request"),
        (("carol@example.com", "viewer", 91), "bad-request"),
        (("carol@example.com", "viewer", "7"), "bad-request"),
        (("carol@example.com", "viewer", True), "bad-request"),
    ),
)
def test_an_odd_invitation_is_refused(db, host, boss, given, word):
    assert refusal(links.invite, db, host.settings, boss, *given) == word


def test_only_hashes_are_kept(db, invite):
    text = invite()
    kept = db.query(Link).one()
    assert text not in {str(getattr(kept, column.key)) for column in Link.__table__.columns}


@pytest.mark.parametrize("limits", ({"sign-up:address": (3, 3600), "reset:address": (3, 3600)},))
def test_trying_links_is_limited(db, host, invite, sign_up):
    words = [refusal(sign_up, f"mpi_{n}") for n in range(4)]
    assert words == ["no-such-link"] * 3 + ["rate-limited"]
    assert refusal(sign_up, invite()) == "rate-limited"
    choose = [
        refusal(links.choose_password, db, host.settings, "mpr_x", PASSWORD, FROM)
        for _ in range(4)
    ]
    assert choose[-1] == "rate-limited"


def test_a_reset_link_sets_the_password_and_ends_every_sign_in(db, host, boss, alice):
    user = db.get(User, alice.id)
    text, _ = links.reset(db, host.settings, boss, user)
    assert links.choose_password(db, host.settings, text, PASSWORD, FROM) is user
    assert db.query(Token).filter_by(user_id=user.id).count() == 0
    assert accounts.sign_in(db, host.settings, user.email, PASSWORD, FROM) is user
    again = db, host.settings, text, PASSWORD, FROM
    assert refusal(links.choose_password, *again) == "no-such-link"


def test_a_reset_link_is_no_invitation_nor_the_other_way(db, host, boss, alice, invite, sign_up):
    text, _ = links.reset(db, host.settings, boss, db.get(User, alice.id))
    assert refusal(sign_up, text) == "no-such-link"
    given = db, host.settings, invite(), PASSWORD, FROM
    assert refusal(links.choose_password, *given) == "no-such-link"


def test_a_reset_link_expires(db, host, boss, alice):
    text, _ = links.reset(db, host.settings, boss, db.get(User, alice.id))
    late = utc() + timedelta(days=1, seconds=1)
    given = db, host.settings, text, PASSWORD, FROM
    assert refusal(links.choose_password, *given, now=late) == "no-such-link"


def test_nobody_signs_up_uninvited(db, host):
    given = db, host.settings, "carol@example.com", PASSWORD, FROM
    assert refusal(links.sign_up_uninvited, *given) == "not-found"


@pytest.mark.parametrize("more", ({"sign_up": "viewer"},))
def test_where_the_settings_say_so_anybody_signs_up_as_what_they_say(db, host, admin):
    given = PASSWORD, FROM
    user = links.sign_up_uninvited(db, host.settings, "carol@example.com", *given)
    assert user.role == "viewer"
    taken = db, host.settings, admin.email, *given
    assert refusal(links.sign_up_uninvited, *taken) == "email-taken"
