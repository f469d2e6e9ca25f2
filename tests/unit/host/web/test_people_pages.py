"""The pages of admins: people, invitations, groups."""

import re

import pytest

from host.models import Group, Link, User


@pytest.fixture(autouse=True)
def _signed_in(enter, admin):
    """An admin's browser."""
    enter(admin)


def url_in(page):
    return re.search(r"https://host\.lan:8443(/\w+/mp[ir]_[\w-]+)", page.text)[1]


def test_everybody_is_listed(read, alice, viewer):
    page = read("/people")
    assert "alice @example.com operator" in page
    assert "viewer @example.com viewer" in page


def test_an_invitation_is_shown_once(client, post, read):
    path = url_in(post("/people/invite", email="carol@example.com", role="approver"))
    assert "carol @example.com approver" in read("/people")
    assert path not in client.get("/people").text
    assert client.get(path).status_code == 200


def test_an_odd_invitation_is_asked_again(post, read, alice):
    answer = post("/people/invite", email=alice.email, role="viewer")
    assert answer.status_code == 409
    assert "has an account already" in read(answer)


def test_an_invitation_is_taken_back(post, db):
    post("/people/invite", email="carol@example.com", role="viewer")
    post(f"/people/invitations/{db.query(Link).one().id}/take-back")
    assert db.query(Link).count() == 0


def test_a_role_is_changed_and_on_the_record(post, read, alice, db):
    post(f"/people/{alice.id}/role", role="approver")
    assert db.get(User, alice.id).role == "approver"
    assert "role-changed operator to approver" in read(f"/people/{alice.id}")


def test_the_last_admin_is_told_so(post, read, admin):
    assert "is the only admin" in read(post(f"/people/{admin.id}/role", role="viewer"))
    assert "is the only admin" in read(post(f"/people/{admin.id}/deactivate"))


def test_a_reset_link_is_shown_once(client, post, alice):
    path = url_in(post(f"/people/{alice.id}/reset"))
    assert "Choose another password" in client.get(path).text


def test_a_person_leaves_and_comes_back(post, read, alice, db):
    post(f"/people/{alice.id}/deactivate")
    assert "Let them sign in again" in read(f"/people/{alice.id}")
    post(f"/people/{alice.id}/activate")
    assert db.get(User, alice.id).deactivated_at is None


def test_a_group_is_made_filled_and_removed(post, read, alice, db):
    place = post("/groups", name="lab").headers["Location"]
    post(f"{place}/members", email=alice.email)
    assert "alice @example.com operator" in read(place)
    post(f"{place}/members/{alice.id}/drop")
    assert "Nobody yet" in read(place)
    post(f"{place}/remove")
    assert db.query(Group).count() == 0


def test_only_admins_have_these_pages(client, enter, alice, read):
    enter(alice)
    assert client.get("/people").status_code == 403
    assert "People" not in read("/")


FORMS = ("/people/invite", "/people/1/role", "/people/1/deactivate", "/groups")


@pytest.mark.parametrize("path", FORMS)
def test_a_form_of_another_site_is_refused(client, path, db):
    assert client.post(path, data={"role": "viewer", "email": "eve@x.org"}).status_code == 400
    assert db.query(Link).count() == db.query(Group).count() == 0
