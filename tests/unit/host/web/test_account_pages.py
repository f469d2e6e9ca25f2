"""One's own page, and the pages that one-time links open."""

import re

import pytest

from host.models import Token, User
from host.services import accounts, links, tokens

PASSWORD = "correct horse"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
NEW = {"password": PASSWORD, "again": PASSWORD}


@pytest.fixture
def phone(db, alice):
    """Alice is signed in on a phone, too: its token."""
    user = db.get(User, alice.id)
    text, kept = tokens.issue(db, user, "browser", 600, tokens.BROWSER)
    agent = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/142.0 Mobile Safari/537.36"
    tokens.note_use(db, kept.id, "10.0.0.9", agent)
    db.commit()
    return kept, text


@pytest.fixture
def invitation(db, host, admin):
    """The path of an invitation for Carol."""
    made = db.get(User, admin.id), "carol@example.com", "operator"
    text, _ = links.invite(db, host.settings, *made)
    db.commit()
    return f"/join/{text}"


@pytest.fixture
def reset(db, host, admin, alice):
    """The path of a link to choose Alice's password."""
    people = db.get(User, admin.id), db.get(User, alice.id)
    text, _ = links.reset(db, host.settings, *people)
    db.commit()
    return f"/reset/{text}"


def form_secret(client, path):
    return re.search('name="form_secret" value="([^"]+)"', client.get(path).text)[1]


def test_each_sign_in_is_listed_by_what_it_is(signed_in, read, phone):
    page = read("/account")
    assert "Chrome on Android" in page
    assert "10.0.0.9" in page
    assert "this browser" in page


def test_a_lost_phone_is_signed_out(client, signed_in, post, phone, db):
    kept, text = phone
    assert post(f"/account/tokens/{kept.id}/end").status_code == 302
    assert tokens.find(db, text) is None
    assert client.get("/account").status_code == 200


def test_all_others_are_signed_out(client, signed_in, post, phone, db):
    post("/account/tokens/end-others")
    assert db.query(Token).count() == 1
    assert client.get("/account").status_code == 200


def test_somebody_elses_sign_in_is_not_ended(enter, post, phone, bob, db):
    enter(bob)
    assert post(f"/account/tokens/{phone[0].id}/end").status_code == 404
    assert tokens.find(db, phone[1])


def test_a_token_for_a_program_is_shown_once(signed_in, client, post):
    page = post("/account/tokens", name="robot", scope="release.see", days="30")
    token = re.search(r"mpf_[\w-]+", page.text)[0]
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/v1/releases", headers=headers).status_code == 200
    assert token not in client.get("/account").text


@pytest.mark.parametrize("fields", ({}, {"scope": "king"}, {"scope": "release", "days": "1000"}))
def test_an_odd_token_is_asked_again(signed_in, post, read, db, fields):
    answer = post("/account/tokens", **{"days": "30", **fields})
    assert answer.status_code == 400
    assert db.query(Token).filter_by(kind="api").count() == 0


def test_a_browser_only_offers_what_the_role_may(enter, viewer, client):
    enter(viewer)
    assert 'value="release.see"' in client.get("/account").text
    assert 'value="release.upload"' not in client.get("/account").text


def test_the_password_is_changed_by_who_knows_it(client, db):
    user, old = accounts.create(db, "carol@example.com")
    db.commit()
    secret = form_secret(client, "/sign-in")
    signed = {"email": user.email, "password": old, "form_secret": secret}
    client.post("/sign-in", data=signed, headers={"User-Agent": FIREFOX})
    secret = form_secret(client, "/account")
    fields = {"form_secret": secret, **NEW}
    wrong = client.post("/account/password", data={**fields, "old": "x"})
    differs = client.post("/account/password", data={**fields, "old": old, "again": "y"})
    right = client.post("/account/password", data={**fields, "old": old})
    assert [one.status_code for one in (wrong, differs, right)] == [401, 400, 302]
    assert "Firefox on Linux" in client.get("/account").text


def test_signing_in_starts_a_session_of_its_own(client, db, signed_in, alice):
    """A token that somebody put into the browser before is not taken over, and ends."""
    user, password = accounts.create(db, "carol@example.com")
    db.commit()
    secret = form_secret(client, "/sign-in")
    fields = {"email": user.email, "password": password, "form_secret": secret}
    client.post("/sign-in", data=fields)
    with client.session_transaction(base_url="https://localhost") as cookie:
        token, form = cookie["token"], cookie.get("form")
    assert tokens.find(db, token).user.email == user.email
    assert tokens.find(db, alice.token) is None
    assert form != secret


def test_an_invitation_leads_in(client, invitation, read):
    page = client.get(invitation)
    assert 'value="carol@example.com"' in page.text
    secret = form_secret(client, invitation)
    answer = client.post(invitation, data={"form_secret": secret, **NEW, "email": "eve@x.org"})
    assert answer.headers["Location"] == "/"
    assert "carol@example.com" in client.get("/account").text
    assert client.get(invitation).status_code == 404


ODD = ({"password": "short", "again": "short"}, {"password": PASSWORD, "again": "x"}, {})


@pytest.mark.parametrize("fields", ODD, ids=str)
def test_an_odd_password_is_asked_again_and_the_invitation_holds(client, invitation, fields):
    secret = form_secret(client, invitation)
    answer = client.post(invitation, data={"form_secret": secret, **fields})
    assert answer.status_code == 400
    assert client.get(invitation).status_code == 200


def test_a_reset_link_leads_in_and_everybody_else_out(client, reset, db, alice):
    client.post(reset, data={"form_secret": form_secret(client, reset), **NEW})
    assert tokens.find(db, alice.token) is None
    assert alice.email in client.get("/account").text


@pytest.mark.parametrize("path", ("/join/mpi_x", "/reset/mpr_x", "/join"))
@pytest.mark.parametrize("method", ("GET", "POST"))
def test_a_link_that_is_none_says_so(client, signed_in, post, path, method):
    answer = client.get(path) if method == "GET" else post(path, **NEW)
    assert answer.status_code == 404


@pytest.mark.parametrize("more", ({"sign_up": "viewer"},))
def test_where_it_is_open_anybody_signs_up(client, db):
    assert "Sign up" in client.get("/sign-in").text
    fields = {"form_secret": form_secret(client, "/join"), **NEW, "email": "carol@example.com"}
    assert client.post("/join", data=fields).status_code == 302
    assert db.query(User).one().role == "viewer"


FORMS = (
    "/account/tokens", "/account/password", "/account/tokens/1/end", "/account/tokens/end-others",
    "/join", "/join/x", "/reset/x",
)  # fmt: skip


@pytest.mark.parametrize("path", FORMS)
def test_a_form_of_another_site_is_refused(client, signed_in, path, read):
    answer = client.post(path, data={})
    assert answer.status_code == 400
    assert "This form is too old" in read(answer)
