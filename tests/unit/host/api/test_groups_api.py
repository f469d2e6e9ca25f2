"""The user API of groups (SPEC section 11)."""

import pytest
from host_samples import DEVICE_ID

API = "/api/v1"


@pytest.fixture
def ask(client, admin):
    """Asks as the admin, or as somebody else."""

    def ask(method, path, who=admin, **value):
        return client.open(f"{API}{path}", method=method, json=value, headers=who.headers)

    return ask


@pytest.fixture
def lab(ask, alice):
    """The path of a group that Alice is in."""
    path = f"/groups/{ask('POST', '/groups', name='lab').json['id']}"
    ask("POST", f"{path}/members", user=alice.email)
    return path


def said(answer):
    return answer.status_code, answer.json["error"]


def test_a_group_is_made_and_filled(ask, lab, alice):
    assert ask("GET", "/groups", alice).json == [
        {
            "id": 1, "name": "lab", "devices": 0,
            "members": [{"id": alice.id, "email": alice.email, "role": "operator"}],
        }
    ]  # fmt: skip


def test_only_members_and_admins_see_it(ask, lab, alice, bob):
    assert [len(ask("GET", "/groups", who).json) for who in (alice, bob)] == [1, 0]
    assert len(ask("GET", "/groups").json) == 1


def test_its_devices_are_each_members(ask, lab, device, alice, bob):
    shared = ask("POST", f"/devices/{DEVICE_ID}/transfer", alice, group="lab").json
    assert (shared["owner"], shared["group"]) == (None, "lab")
    assert ask("GET", f"/devices/{DEVICE_ID}", bob).status_code == 404
    ask("POST", f"{lab}/members", user=bob.email)
    assert ask("POST", f"/devices/{DEVICE_ID}/update-now", bob).status_code == 202
    assert ask("DELETE", f"{lab}/members/{bob.id}").json["devices"] == 1
    assert ask("GET", f"/devices/{DEVICE_ID}", bob).status_code == 404


def test_a_viewer_in_a_group_only_looks(ask, lab, device, alice, viewer):
    ask("POST", f"/devices/{DEVICE_ID}/transfer", alice, group="lab")
    ask("POST", f"{lab}/members", user=viewer.email)
    assert ask("GET", f"/devices/{DEVICE_ID}", viewer).status_code == 200
    assert said(ask("POST", f"/devices/{DEVICE_ID}/update-now", viewer)) == (403, "forbidden")


def test_a_group_with_devices_stays(ask, lab, device, alice):
    ask("POST", f"/devices/{DEVICE_ID}/transfer", alice, group="lab")
    assert said(ask("DELETE", lab)) == (409, "not-empty")


def test_a_group_is_removed(ask, lab):
    assert ask("DELETE", lab).json == {}
    assert said(ask("DELETE", lab)) == (404, "not-found")


@pytest.mark.parametrize("name", ("", 5, " ", "<b>", "x" * 65))
def test_an_odd_name_is_refused(ask, name):
    assert said(ask("POST", "/groups", name=name)) == (400, "bad-request")


def test_a_taken_name_is_refused(ask, lab):
    assert said(ask("POST", "/groups", name="LAB")) == (409, "name-taken")


def test_who_is_not_there_is_not_found(ask, lab):
    assert said(ask("POST", f"{lab}/members", user="nobody@example.com")) == (404, "not-found")
    assert said(ask("DELETE", f"{lab}/members/99")) == (404, "not-found")
