"""Claiming by the address that a board shows, and giving a board away, in a browser."""

import re

import pytest
from host_samples import DEVICE_ID, make_device

from host.models import Device

URL = f"/claim?device={DEVICE_ID}&code=ABCD-EFGH"
BOARD = {"id": DEVICE_ID, "secret": "1" * 64, "product": "blink"}


@pytest.fixture
def register(client):
    """The board registers, with the code that it showed."""
    return lambda: client.post("/api/device/v1/register", json={**BOARD, "code": "ABCD-EFGH"})


def test_the_address_waits_for_its_board_and_then_asks(client, signed_in, read, register):
    page = client.get(URL)
    fragment = re.search('data-live="([^"]+)"', page.text)[1].replace("&amp;", "&")
    before = read(fragment)
    register()
    after = client.get(fragment)
    assert "The board is on its way" in before
    assert "<html" not in after.text
    assert 'value="ABCD-EFGH"' in after.text


def test_who_confirms_has_the_board(client, signed_in, post, register, db, alice):
    register()
    client.get(URL)
    assert db.get(Device, DEVICE_ID).state == "unclaimed"
    answer = post("/claim", device=DEVICE_ID, code="ABCD-EFGH", name=" kitchen ")
    db.expire_all()
    device = db.get(Device, DEVICE_ID)
    assert answer.headers["Location"] == f"/devices/{DEVICE_ID}"
    assert (device.owner.email, device.name) == (alice.email, "kitchen")


def test_the_address_of_ones_own_board_leads_there(client, signed_in, device):
    for url in (URL, f"/claim?device={DEVICE_ID}"):
        assert client.get(url).headers["Location"] == f"/devices/{DEVICE_ID}"


@pytest.mark.parametrize("fields", ({}, {"state": "retired"}, {"conflict_digest": "2" * 64}))
def test_somebody_elses_board_says_what_a_wrong_code_says(
    client, enter, read, post, db, alice, bob, fields
):
    make_device(db, alice, **fields)
    enter(bob)
    page, tried = read(URL), read(post("/claim", device=DEVICE_ID, code="ABCD-EFGH"))
    waited = read(URL.replace("/claim", "/claim/waiting"))
    wrong = read(post("/claim", code="AAAA-AAAA"))
    said = "No device waits with this code. Codes expire."
    assert all(said in one for one in (page, tried, waited, wrong))
    told = (page, tried, waited)
    assert not any(alice.email in one or "retired" in one for one in told)
    assert db.get(Device, DEVICE_ID).owner_id == alice.id


def test_looking_at_an_address_is_no_guess_that_is_judged(client, signed_in, read, register):
    """So a page cannot be asked whether a code is right, and waiting uses up no guesses."""
    register()
    right, wrong = (client.get(URL.replace("ABCD", code)).text for code in ("ABCD", "AAAA"))
    assert right.replace("ABCD", "AAAA") == wrong.replace("ABCD", "AAAA")


def test_a_viewer_claims_nothing(client, enter, viewer, register):
    register()
    enter(viewer)
    assert client.get(URL).status_code == 403


def test_a_board_is_offered_and_taken(client, enter, post, read, device, alice, bob, db):
    enter(alice)
    post(f"/devices/{DEVICE_ID}/transfer", user="Bob@Example.com")
    assert "It is offered to bob@example.com" in read(f"/devices/{DEVICE_ID}")
    enter(bob)
    assert "is offered to you, by alice @example.com" in read("/")
    assert post(f"/offers/{DEVICE_ID}/accept").headers["Location"] == f"/devices/{DEVICE_ID}"
    db.refresh(device)
    assert device.owner.email == bob.email


def test_a_board_is_offered_and_left(enter, post, read, device, alice, bob, db):
    enter(alice)
    post(f"/devices/{DEVICE_ID}/transfer", user=bob.email)
    enter(bob)
    post(f"/offers/{DEVICE_ID}/decline")
    db.refresh(device)
    assert (device.owner.email, device.offered_to) == (alice.email, None)
    assert "is offered to you" not in read("/")


def test_an_offer_is_taken_back(enter, post, device, alice, bob, db):
    enter(alice)
    post(f"/devices/{DEVICE_ID}/transfer", user=bob.email)
    post(f"/devices/{DEVICE_ID}/take-back")
    db.refresh(device)
    assert device.offered_to is None


def test_who_gives_back_is_shown_the_code_once(client, signed_in, post, read, device, db):
    page = post(f"/devices/{DEVICE_ID}/give-back")
    code = re.search(r"[A-Z2-9]{4}-[A-Z2-9]{4}", page.text)[0]
    assert f"https://host.lan:8443/claim?code={code}" in page.text
    assert client.get(f"/devices/{DEVICE_ID}").status_code == 404
    assert post("/claim", code=code).status_code == 302


def test_a_token_for_another_secret_is_shown_once(client, signed_in, post, device, db):
    page = post(f"/devices/{DEVICE_ID}/new-secret")
    token = re.search(r"mpe_[\w-]+", page.text)[0]
    answer = client.post("/api/device/v1/register", json={**BOARD, "token": token})
    assert answer.json == {"state": "claimed"}
