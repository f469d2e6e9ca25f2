"""How a board becomes a device (DESIGN section 6), over the wire."""

import pytest
from host_samples import DEVICE_ID, SECRET, make_device

from device import protocol
from host.models import Attempt, Device, Event, Outbox
from host.services import claiming, tokens

URL = f"{protocol.API}/register"
OTHER_SECRET = "0f" * 32


def board(serial=1, **fields):
    """What a board says of itself."""
    said = {
        "id": f"24a1{serial:08x}",
        "secret": SECRET,
        "product": "blink",
        "model": "ESP32_GENERIC",
        "mac": "24:a1:60:00:00:01",
        "abi": 6,
        "firmware": "v1.26.0",
        "number": 1,
    }
    return {**said, **fields}


@pytest.fixture
def token(db, host, alice):
    """An enrolment token of Alice's."""
    user = tokens.find(db, alice.token).user
    text, _ = tokens.enrolment(db, host.settings, user)
    db.commit()
    return text


def test_a_board_with_a_token_is_its_persons_at_once(client, token, db, alice):
    answer = client.post(URL, json=board(token=token))
    device = db.query(Device).one()
    assert answer.json == {"state": "claimed"}
    assert (device.owner.email, device.mac, device.number) == (alice.email, "24:a1:60:00:00:01", 1)
    assert device.secret_digest != SECRET


def test_a_board_without_a_token_gets_a_code(client, db, host):
    answer = client.post(URL, json=board()).json
    code = claiming.code(host.settings, db.query(Device).one())
    assert answer == {
        "state": "unclaimed",
        "claim_code": code,
        "claim_url": f"https://host.lan:8443/claim?code={code}",
    }


def test_registering_again_is_harmless(client, db):
    first = client.post(URL, json=board()).json
    assert client.post(URL, json=board()).json == first
    assert db.query(Device).count() == 1


def test_a_board_whose_answer_got_lost_has_used_its_token_well(client, token):
    client.post(URL, json=board(token=token))
    assert client.post(URL, json=board(token=token)).json == {"state": "claimed"}


def test_a_token_is_of_use_once(client, token):
    client.post(URL, json=board(1, token=token))
    answer = client.post(URL, json=board(2, token=token)).json
    assert (answer["state"], answer["token"]) == ("unclaimed", "refused")


def test_a_bad_token_counts_as_none(client):
    answer = client.post(URL, json=board(token="mpe_x")).json
    assert (answer["state"], answer["token"]) == ("unclaimed", "refused")


@pytest.mark.parametrize("more", ({"enrolment_s": -1},))
def test_an_expired_token_counts_as_none(client, token):
    answer = client.post(URL, json=board(token=token)).json
    assert (answer["state"], answer["token"]) == ("unclaimed", "refused")


def test_a_waiting_board_is_claimed_by_a_later_token(client, token, db):
    client.post(URL, json=board())
    assert client.post(URL, json=board(token=token)).json == {"state": "claimed"}
    assert db.query(Device).one().claim_digest is None


def test_what_a_board_says_of_itself_is_kept_current(client, db):
    client.post(URL, json=board())
    client.post(URL, json=board(firmware="v1.27.0"))
    assert db.query(Device).one().firmware == "v1.27.0"


BAD = {
    "no JSON": b"{",
    "no object": b"[]",
    "nested too deep": b'{"id":' * 600,
    "not a number": b'{"abi": NaN}',
    "not UTF-8": b'{"id": "\xff"}',
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_a_bad_body_is_refused(client, db, content):
    answer = client.post(URL, data=content)
    assert (answer.status_code, answer.json["error"]) == (400, "bad-request")
    assert db.query(Device).count() == 0


BAD_FIELDS = (
    {"id": None}, {"id": "24A160000001"}, {"id": "24a1"}, {"id": "24a160000001\n"}, {"id": "../x"},
    {"secret": None}, {"secret": "5e"}, {"secret": "5E" * 32}, {"product": "Blink"},
    {"model": "x" * 65}, {"model": "a\nb"}, {"mac": "<script>"}, {"abi": 256}, {"abi": "6"},
    {"number": -1}, {"number": 2**31}, {"number": True}, {"token": 5}, {"firmware": "\ud800"},
)  # fmt: skip


@pytest.mark.parametrize("fields", BAD_FIELDS, ids=str)
def test_a_bad_field_is_refused(client, db, fields):
    answer = client.post(URL, json=board(**fields))
    assert (answer.status_code, answer.json["error"]) == (400, "bad-request")
    assert db.query(Device).count() == 0


def test_a_huge_body_is_refused_unread(client):
    answer = client.post(URL, data=b" " * 5000)
    assert (answer.status_code, answer.json["error"]) == (413, "too-large")


def register_other(client, **fields):
    return client.post(URL, json=board(id=DEVICE_ID, secret=OTHER_SECRET, **fields))


def test_another_secret_is_a_conflict_and_the_old_one_goes_on_working(client, device, board_says):
    answer = register_other(client)
    assert (answer.status_code, answer.json["error"]) == (409, "identity-conflict")
    assert board_says(SECRET) == 200
    assert board_says(OTHER_SECRET) == 401


@pytest.fixture
def board_says(client):
    """The status a board with this secret gets."""

    def ask(secret):
        headers = {"Authorization": f"Bearer {DEVICE_ID}:{secret}"}
        return client.get(f"{protocol.API}/assignment", headers=headers).status_code

    return ask


def test_a_conflict_is_kept_for_a_person(client, device, db):
    register_other(client)
    db.refresh(device)
    assert (device.shown_state, device.state) == ("conflict", "claimed")
    assert db.query(Event).filter_by(what="conflict").count() == 1


def test_a_later_stranger_does_not_replace_the_secret_that_waits(client, device, db):
    register_other(client)
    db.refresh(device)
    first = device.conflict_digest
    client.post(URL, json=board(id=DEVICE_ID, secret="77" * 32))
    db.refresh(device)
    assert device.conflict_digest == first


def test_the_owners_token_has_precedence_over_a_stranger_but_is_a_conflict(
    client, device, db, token
):
    client.post(URL, json=board(id=DEVICE_ID, secret="77" * 32))
    answer = register_other(client, token=token)
    db.refresh(device)
    assert answer.status_code == 409
    assert device.conflict_has_token


@pytest.fixture
def renewal(client, device, alice):
    """A token of Alice's for this device alone."""
    wanted = {"device": device.id}
    answer = client.post("/api/v1/enrolment-tokens", json=wanted, headers=alice.headers)
    return answer.json["token"]


def test_the_owners_token_for_the_device_renews_its_secret_on_the_record(
    client, renewal, board_says, db
):
    answer = register_other(client, token=renewal)
    assert answer.json == {"state": "claimed"}
    assert [board_says(SECRET), board_says(OTHER_SECRET)] == [401, 200]
    assert db.query(Event).filter_by(what="secret-renewed").count() == 1
    assert {"what": "disconnect"} in [row.what for row in db.query(Outbox)]


def test_a_token_for_one_device_is_none_for_another(client, renewal):
    answer = client.post(URL, json=board(7, token=renewal)).json
    assert (answer["state"], answer["token"]) == ("unclaimed", "refused")


def test_a_renewal_is_of_use_once(client, renewal):
    register_other(client, token=renewal)
    again = client.post(URL, json=board(id=DEVICE_ID, secret="77" * 32, token=renewal))
    assert (again.status_code, again.json["error"]) == (409, "identity-conflict")


def test_a_renewal_of_a_device_that_has_another_owner_by_now_is_a_conflict(
    client, device, renewal, bob, db
):
    device.owner_id = bob.id
    db.commit()
    assert register_other(client, token=renewal).status_code == 409


def test_nobody_renews_a_device_of_somebody_else(client, device, admin):
    wanted = {"device": device.id}
    answer = client.post("/api/v1/enrolment-tokens", json=wanted, headers=admin.headers)
    assert (answer.status_code, answer.json["error"]) == (403, "forbidden")


@pytest.mark.parametrize(("accept", "statuses"), ((True, [401, 200]), (False, [200, 401])))
def test_a_person_decides_which_secret_holds(
    client, device, alice, board_says, db, accept, statuses
):
    register_other(client)
    url = f"/api/v1/devices/{DEVICE_ID}/resolve-conflict"
    answer = client.post(url, json={"accept": accept}, headers=alice.headers)
    assert answer.json["state"] == "claimed"
    assert [board_says(SECRET), board_says(OTHER_SECRET)] == statuses
    wants_end = {"what": "disconnect"} in [row.what for row in db.query(Outbox)]
    assert wants_end is accept


def test_there_is_nothing_to_decide_without_a_conflict(client, device, alice):
    url = f"/api/v1/devices/{DEVICE_ID}/resolve-conflict"
    answer = client.post(url, json={"accept": True}, headers=alice.headers)
    assert (answer.status_code, answer.json["error"]) == (409, "no-conflict")


def test_nobodys_device_gives_way_to_a_board_with_a_token(client, token, board_says):
    client.post(URL, json=board(id=DEVICE_ID))
    answer = register_other(client, token=token)
    assert answer.json == {"state": "claimed"}
    assert [board_says(SECRET), board_says(OTHER_SECRET)] == [401, 200]


def test_anothers_token_does_not_take_a_claimed_device(client, db, bob, token):
    device = make_device(db, bob)
    answer = client.post(URL, json=board(id=DEVICE_ID, token=token)).json
    db.refresh(device)
    assert answer == {"state": "claimed", "token": "refused"}
    assert device.owner_id == bob.id


def test_a_retired_board_is_refused(client, device, db):
    device.state = "retired"
    db.commit()
    answer = client.post(URL, json=board(id=DEVICE_ID))
    assert (answer.status_code, answer.json["error"]) == (410, "retired")


def test_a_retired_board_comes_back_when_its_owner_deploys_it_again(client, device, db, token):
    device.state = "retired"
    db.commit()
    assert register_other(client, token=token).json == {"state": "claimed"}


def test_a_retired_board_does_not_come_back_by_the_token_it_used(client, token, db):
    client.post(URL, json=board(token=token))
    db.query(Device).one().state = "retired"
    db.commit()
    assert client.post(URL, json=board(token=token)).status_code == 410


def test_a_retired_board_does_not_come_back_by_anothers_token(client, db, bob, token):
    make_device(db, bob, state="retired")
    assert client.post(URL, json=board(id=DEVICE_ID, token=token)).status_code == 410


ATTACK = {"register:all": (50, 3600), "register:address": (20, 3600)}


@pytest.mark.parametrize("limits", (ATTACK,))
@pytest.mark.parametrize("more", ({"unclaimed_max": 30},))
def test_ten_thousand_strangers_neither_fill_the_table_nor_stand_in_anyones_way(
    client, db, host, token
):
    refused = 0
    for serial in range(10_000):
        peer = {"REMOTE_ADDR": f"10.{serial // 1024}.{serial // 4 % 256}.1"}
        refused += client.post(URL, json=board(serial), environ_base=peer).status_code == 429
    assert refused == 9970
    assert db.query(Device).count() == 30
    assert db.query(Attempt).count() <= 51
    assert client.post(URL, json=board(10_000, token=token)).json == {"state": "claimed"}


@pytest.mark.parametrize("limits", ({"register:address": (2, 3600)},))
def test_one_address_may_not_register_without_end(client):
    answers = [client.post(URL, json=board(serial)) for serial in range(3)]
    elsewhere = client.post(URL, json=board(9), environ_base={"REMOTE_ADDR": "10.9.9.9"})
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 3590 <= int(answers[-1].headers["Retry-After"]) <= 3600
    assert elsewhere.status_code == 200


@pytest.mark.parametrize("limits", ({"register:address": (2, 3600)},))
def test_one_ipv6_customer_counts_as_one_address(client):
    peers = ["2001:db8::1", "2001:db8::2", "2001:db8::3"]
    answers = [
        client.post(URL, json=board(serial), environ_base={"REMOTE_ADDR": peer})
        for serial, peer in enumerate(peers)
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 429]


@pytest.mark.parametrize("limits", ({"register:address": (2, 3600)},))
def test_a_board_that_is_known_is_not_counted_as_a_stranger(client):
    answers = [client.post(URL, json=board()) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 5


@pytest.mark.parametrize("more", ({"unclaimed_s": -1},))
def test_an_unclaimed_device_is_forgotten_after_a_while(client, db):
    client.post(URL, json=board(1))
    client.post(URL, json=board(2))
    assert [device.id for device in db.query(Device)] == [board(2)["id"]]
