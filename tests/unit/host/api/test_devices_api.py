"""The user API of devices and assignments (SPEC section 11)."""

import pytest
from host_samples import DEVICE_ID, make_device

from host.models import Assignment, Device, Event, Outbox, Release, Report
from host.services.clock import utc

API = "/api/v1"


def whats(db):
    """What the bridge will send."""
    return [row.what["what"] for row in db.query(Outbox)]


def test_a_person_sees_only_their_own_devices(client, db, alice, bob, admin):
    make_device(db, alice)
    make_device(db, bob, "24a160000002")
    make_device(db, None, "24a160000003")
    seen = {
        person.email: {
            one["id"] for one in client.get(f"{API}/devices", headers=person.headers).json
        }
        for person in (alice, bob, admin)
    }
    assert seen == {
        alice.email: {DEVICE_ID},
        bob.email: {"24a160000002"},
        admin.email: {DEVICE_ID, "24a160000002", "24a160000003"},
    }


OTHERS = (
    ("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/update-now"),
    ("POST", "/resolve-conflict"), ("GET", "/reports"),
)  # fmt: skip


@pytest.mark.parametrize(("method", "path"), OTHERS)
def test_anothers_device_does_not_exist(client, device, bob, db, method, path):
    url = f"{API}/devices/{DEVICE_ID}{path}"
    answer = client.open(url, method=method, json={}, headers=bob.headers)
    db.refresh(device)
    assert (answer.status_code, answer.json["error"]) == (404, "not-found")
    assert (device.state, db.query(Outbox).count()) == ("claimed", 0)


def test_a_device_shows_what_is_known_of_it(client, device, alice, release, db):
    device.number, device.online, device.slot = 2, True, "a"
    device.progress = {"number": 3, "step": "stage", "done": 1, "total": 2, "at": 1795000000.5}
    db.commit()
    shown = client.get(f"{API}/devices/{DEVICE_ID}", headers=alice.headers).json
    registered_at = shown.pop("registered_at")
    assert registered_at.endswith("Z")
    assert shown == {
        "id": DEVICE_ID, "name": "", "owner": alice.email, "mac": None, "model": "ESP32_GENERIC",
        "group": None, "offered_to": None,
        "product": "blink", "state": "claimed", "online": True, "last_seen_at": None,
        "number": 2, "unmanaged": False, "version": "1.2",
        "slot": "a", "mode": None, "firmware": None, "tags": [], "timezone": None,
        "assignment": None, "claim_code": None,
        "progress": {"number": 3, "step": "stage", "done": 1, "total": 2,
                     "at": "2026-11-18T11:06:40Z"},
    }  # fmt: skip


def test_a_device_gets_another_name(client, device, alice):
    url = f"{API}/devices/{DEVICE_ID}"
    answer = client.patch(url, json={"name": " Kitchen "}, headers=alice.headers)
    assert answer.json["name"] == "Kitchen"


@pytest.mark.parametrize("name", (None, "", " ", "x" * 65, 5, "\ud800", "\0"))
def test_an_odd_name_is_refused(client, device, alice, name):
    answer = client.patch(f"{API}/devices/{DEVICE_ID}", json={"name": name}, headers=alice.headers)
    assert (answer.status_code, answer.json["error"]) == (400, "bad-request")


def test_retiring_shuts_the_board_out(client, device, alice, board, db):
    answer = client.delete(f"{API}/devices/{DEVICE_ID}", headers=alice.headers)
    assert answer.json["state"] == "retired"
    assert client.get("/api/device/v1/assignment", headers=board).status_code == 410
    assert whats(db) == ["disconnect"]
    assert db.query(Event).filter_by(what="retired").one().who == alice.email


def test_retiring_twice_is_harmless(client, device, alice, db):
    for _ in range(2):
        answer = client.delete(f"{API}/devices/{DEVICE_ID}", headers=alice.headers)
    assert (answer.status_code, db.query(Event).filter_by(what="retired").count()) == (200, 1)


def test_update_now_tells_the_board(client, device, alice, db):
    for _ in range(2):
        url = f"{API}/devices/{DEVICE_ID}/update-now"
        answer = client.post(url, json={}, headers=alice.headers)
    assert (answer.status_code, answer.json) == (202, {})
    assert whats(db) == ["check"]


def test_a_retired_board_is_not_told_anything(client, device, alice, db):
    device.state = "retired"
    db.commit()
    answer = client.post(f"{API}/devices/{DEVICE_ID}/update-now", headers=alice.headers)
    assert (answer.status_code, answer.json["error"]) == (409, "not-claimed")


@pytest.mark.parametrize("accept", (None, "yes", 1))
def test_a_conflict_is_not_decided_by_accident(client, device, alice, db, accept):
    device.conflict_digest = "0" * 64
    db.commit()
    url = f"{API}/devices/{DEVICE_ID}/resolve-conflict"
    answer = client.post(url, json={"accept": accept}, headers=alice.headers)
    assert (answer.status_code, answer.json["error"]) == (400, "bad-request")


def test_reports_come_newest_first(client, device, alice, db):
    for key in ("0" * 16, "1" * 16):
        db.add(Report(device_id=DEVICE_ID, key=key, kind="app", received_at=utc(), log=["x"]))
    db.commit()
    shown = client.get(f"{API}/devices/{DEVICE_ID}/reports", headers=alice.headers).json
    assert [one["key"] for one in shown] == ["1" * 16, "0" * 16]
    assert (shown[0]["log"], shown[0]["time"], shown[0]["kind"]) == (["x"], None, "app")


def assign(client, person, devices, number=2, product="blink"):
    value = {"product": product, "number": number, "devices": devices}
    return client.post(f"{API}/assignments", json=value, headers=person.headers)


def test_a_release_is_offered_to_a_device(client, device, release, alice, db):
    answer = assign(client, alice, [DEVICE_ID])
    shown = client.get(f"{API}/devices/{DEVICE_ID}", headers=alice.headers).json["assignment"]
    assert answer.status_code == 201
    assert answer.json["assignments"] == [shown]
    assert (shown["state"], shown["number"], shown["product"]) == ("offered", 2, "blink")
    assert whats(db) == ["check"]


def test_a_newer_offer_supersedes_the_open_one(client, device, release, alice, upload, db):
    upload(3)
    db.query(Release).update({"state": "approved"})
    db.commit()
    assign(client, alice, [DEVICE_ID])
    assign(client, alice, [DEVICE_ID], number=3)
    states = [(one.release.number, one.state) for one in db.query(Assignment).order_by("id")]
    assert states == [(2, "superseded"), (3, "offered")]


def test_all_are_those_that_the_release_is_for(client, device, release, alice, bob, db):
    make_device(db, alice, "24a160000002", product="thermostat")
    make_device(db, alice, "24a160000003", model="RPI_PICO_W")
    make_device(db, alice, "24a160000004", model=None)
    make_device(db, alice, "24a160000005", state="retired")
    make_device(db, bob, "24a160000006")
    made = assign(client, alice, "all").json["assignments"]
    assert {one["device"] for one in made} == {DEVICE_ID, "24a160000004"}


def test_what_a_device_runs_already_is_done(client, device, release, alice, db):
    device.number = 2
    db.commit()
    made = assign(client, alice, [DEVICE_ID]).json["assignments"]
    assert [(one["state"], one["reason"]) for one in made] == [("done", "already-running")]


REFUSED = (
    ({"product": "thermostat"}, 409, "wrong-product"),
    ({"model": "RPI_PICO_W"}, 409, "wrong-board"),
    ({"state": "retired"}, 409, "not-claimed"),
)


@pytest.mark.parametrize(("fields", "status", "word"), REFUSED)
def test_a_release_that_is_not_for_a_device_is_refused(
    client, db, release, alice, fields, status, word
):
    make_device(db, alice, **fields)
    answer = assign(client, alice, [DEVICE_ID])
    assert (answer.status_code, answer.json["error"]) == (status, word)
    assert db.query(Assignment).count() == 0


@pytest.fixture
def older(db, release):
    """Release 2 brings MicroPython 1.25."""
    brought = {"ESP32_GENERIC": {"micropython": "v1.25.0"}}
    release.parts = {**release.parts, "firmware": brought}
    db.commit()


def test_firmware_that_a_board_would_not_come_back_from_is_refused_with_what_to_do(
    client, db, older, alice
):
    make_device(db, alice, firmware="v1.26.0")
    answer = assign(client, alice, [DEVICE_ID])
    assert (answer.status_code, answer.json["error"]) == (409, "older-firmware")
    assert "mpfleet deploy --firmware FILE" in answer.json["message"]


def test_all_are_those_that_come_back(client, db, older, alice):
    make_device(db, alice, firmware="v1.26.0")
    make_device(db, alice, "24a160000002", firmware="v1.25.0")
    made = assign(client, alice, "all").json["assignments"]
    assert [one["device"] for one in made] == ["24a160000002"]


def test_one_device_that_is_not_ones_own_refuses_all(client, device, release, alice, bob, db):
    make_device(db, bob, "24a160000002")
    answer = assign(client, alice, [DEVICE_ID, "24a160000002"])
    assert (answer.status_code, answer.json["error"]) == (404, "not-found")
    assert db.query(Assignment).count() == 0


def test_an_unfinished_release_is_not_offered(client, device, release, alice, db):
    release.state = "draft"
    db.commit()
    answer = assign(client, alice, [DEVICE_ID])
    assert (answer.status_code, answer.json["error"]) == (409, "not-ready")


def test_no_release_is_not_offered(client, device, alice):
    assert assign(client, alice, [DEVICE_ID], number=9).status_code == 404


@pytest.mark.parametrize("devices", (None, [], "some", [5], {}))
def test_odd_devices_are_refused(client, release, alice, devices):
    answer = assign(client, alice, devices)
    assert (answer.status_code, answer.json["error"]) == (400, "bad-request")


@pytest.mark.parametrize("number", (None, 0, True, "2", 2**31))
def test_an_odd_number_is_refused(client, device, alice, number):
    answer = assign(client, alice, [DEVICE_ID], number=number)
    assert (answer.status_code, answer.json["error"]) == (400, "bad-request")


def test_a_refused_request_leaves_nothing_behind(client, db, release, alice):
    make_device(db, alice)
    make_device(db, alice, "24a160000002", product="thermostat")
    assign(client, alice, [DEVICE_ID, "24a160000002"])
    assert (db.query(Assignment).count(), db.query(Outbox).count()) == (0, 0)
    assert db.query(Device).count() == 2
