"""Tokens: for whom, for what, until when, and what is known of their use."""

from datetime import timedelta

import pytest

from host.errors import HostError
from host.models import Token, User
from host.services import tokens
from host.services.clock import utc


@pytest.fixture
def user(db, alice):
    """Alice."""
    return db.get(User, alice.id)


def test_a_token_for_a_program_has_scopes_and_an_end(db, user):
    _, kept = tokens.issue_for_program(db, user, "robot", ["release.see", "release"], 30)
    assert (kept.kind, kept.scopes) == ("api", ["release", "release.see"])
    assert kept.expires_at - kept.created_at == timedelta(days=30)


ODD = (
    ([], 30), (None, 30), ("release", 30), (["king"], 30), ([5], 30), ([["release"]], 30),
    (["account.change"], 30), (["user.manage"], 30), (["group.manage"], 30),
    (["release.approve"], 30), (["device.see-all"], 30), (["key"], 30),  # not an operator's
    (["release"], 0), (["release"], 367), (["release"], True), (["release"], "30"),
    (["release"], None),
)  # fmt: skip


@pytest.mark.parametrize(("scopes", "days"), ODD)
def test_an_odd_token_is_refused(db, user, scopes, days):
    with pytest.raises(HostError) as refused:
        tokens.issue_for_program(db, user, "robot", scopes, days)
    assert refused.value.code == "bad-request"


def test_a_use_is_noted_to_the_minute_and_when_the_place_changes(db, user):
    _, token = tokens.issue(db, user, "laptop", 600)
    now = utc()
    first = tokens.is_use_due(token, "10.0.0.1", now=now)
    tokens.note_use(db, token.id, "10.0.0.1", "Mozilla/5.0\n\x1b" + "x" * 300, now=now)
    db.refresh(token)
    later = [
        tokens.is_use_due(token, place, now=now + timedelta(seconds=seconds))
        for place, seconds in (("10.0.0.1", 59), ("10.0.0.2", 1), ("10.0.0.1", 60))
    ]
    assert [first, *later] == [True, False, True, True]
    assert (token.last_used_from, token.agent) == ("10.0.0.1", "Mozilla/5.0" + "x" * 189)


def test_all_but_one_end(db, user, alice, bob):
    tokens.issue(db, user, "phone", 600)
    assert tokens.revoke_all(db, user, but=alice.token) == 1
    assert {one.user_id for one in db.query(Token)} == {alice.id, bob.id}
