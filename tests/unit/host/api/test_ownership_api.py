"""The user API of whose a device is (SPEC section 11)."""

import pytest
from host_samples import DEVICE_ID, make_waiting

from host.models import Device, Event, Outbox, User

API = "/api/v1"
DEVICE = f"{API}/devices/{DEVICE_ID}"


@pytest.fixture
def code(db, host):
    """The code of a board that waits."""
    return make_waiting(db, host.settings)[1]


def call(client, who, method, path, **value):
    return client.open(f"{API}{path}", method=method, json=value, headers=who.headers)


def test_a_code_makes_the_board_ones_own(client, code, alice, db):
    answer = call(client, alice, "POST", "/devices/claim", code=code, name="Kitchen").json
    said = (answer["owner"], answer["state"], answer["name"], answer["claim_code"])
    assert said == (alice.email, "claimed", "Kitchen", None)
    assert [row.what for row in db.query(Outbox)] == [{"what": "check"}]


def test_the_boards_own_code_needs_its_id(client, alice, db):
    board = {"id": DEVICE_ID, "secret": "1" * 64, "product": "blink", "code": "ABCD-EFGH"}
    client.post("/api/device/v1/register", json=board)
    without = call(client, alice, "POST", "/devices/claim", code="ABCD-EFGH")
    answer = call(client, alice, "POST", "/devices/claim", code="ABCD-EFGH", device=DEVICE_ID)
    assert (without.status_code, answer.json["owner"]) == (404, alice.email)


def test_a_used_and_a_wrong_code_look_alike_and_say_nothing_of_the_owner(
    client, code, alice, bob
):
    call(client, alice, "POST", "/devices/claim", code=code)
    tried = [
        call(client, bob, "POST", "/devices/claim", **given)
        for given in ({"code": code}, {"code": code, "device": DEVICE_ID}, {"code": "AAAA-AAAA"})
    ]
    assert {(one.status_code, one.text) for one in tried} == {(404, tried[0].text)}
    assert alice.email not in tried[0].text


def test_only_admins_see_codes(client, code, admin):
    assert client.get(DEVICE, headers=admin.headers).json["claim_code"] == code


def test_who_gives_a_board_back_is_told_its_code(client, device, alice, bob):
    answer = call(client, alice, "POST", f"/devices/{DEVICE_ID}/give-back").json
    assert (answer["device"], answer["state"]) == (DEVICE_ID, "unclaimed")
    claimed = call(client, bob, "POST", "/devices/claim", code=answer["claim_code"])
    assert claimed.json["owner"] == bob.email
    assert client.get(DEVICE, headers=alice.headers).status_code == 404


def test_a_board_goes_to_another_person(client, device, alice, bob, db):
    offered = call(client, alice, "POST", f"/devices/{DEVICE_ID}/transfer", user=bob.email).json
    assert (offered["owner"], offered["offered_to"]) == (alice.email, bob.email)
    listed = call(client, bob, "GET", "/offers").json
    assert [(one["device"], one["from"]) for one in listed] == [(DEVICE_ID, alice.email)]
    taken = call(client, bob, "POST", f"/offers/{DEVICE_ID}/accept").json
    assert (taken["owner"], taken["offered_to"]) == (bob.email, None)


def test_an_offer_is_declined(client, device, alice, bob, db):
    call(client, alice, "POST", f"/devices/{DEVICE_ID}/transfer", user=bob.email)
    assert call(client, bob, "DELETE", f"/offers/{DEVICE_ID}").json == {}
    assert call(client, bob, "GET", "/offers").json == []
    assert db.query(Event).filter_by(what="declined").one().who == bob.email


def test_an_offer_is_taken_back(client, device, alice, bob):
    call(client, alice, "POST", f"/devices/{DEVICE_ID}/transfer", user=bob.email)
    answer = call(client, alice, "DELETE", f"/devices/{DEVICE_ID}/transfer")
    assert (answer.json["offered_to"], call(client, bob, "GET", "/offers").json) == (None, [])


@pytest.mark.parametrize("to", ({}, {"user": "a@b", "group": "lab"}, {"user": 5}, {"group": ""}))
def test_an_odd_transfer_is_refused(client, device, alice, db, to):
    answer = call(client, alice, "POST", f"/devices/{DEVICE_ID}/transfer", **to)
    assert (answer.status_code, answer.json["error"]) == (400, "bad-request")
    assert db.query(Device).one().offered_to_id is None


def test_an_enrolment_token_is_given_for_an_hour(client, alice):
    answer = call(client, alice, "POST", "/enrolment-tokens")
    assert answer.status_code == 201
    assert sorted(answer.json) == ["expires_at", "token"]


def test_an_enrolment_token_dies_with_the_demotion_of_its_person(client, alice, db):
    """Whoever may not have devices any more gets none by a token of before."""
    token = call(client, alice, "POST", "/enrolment-tokens").json["token"]
    db.get(User, alice.id).role = "viewer"
    db.commit()
    board = {"id": DEVICE_ID, "secret": "1" * 64, "product": "blink", "token": token}
    answer = client.post("/api/device/v1/register", json=board).json
    assert (answer["state"], answer["token"]) == ("unclaimed", "refused")
