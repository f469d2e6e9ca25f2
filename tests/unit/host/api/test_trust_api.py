"""The API of signed metadata, for boards and for people."""

import json

import pytest
from host_samples import PASSPHRASE

API = "/api/v1"


@pytest.fixture(autouse=True)
def _founded(trusted_host):
    """A fleet with keys."""


@pytest.fixture
def proposal(client, approver, release):
    value = {"kind": "approve", "product": "blink", "number": 2}
    answer = client.post(f"{API}/proposals", json=value, headers=approver.headers)
    assert answer.status_code == 201
    return answer.json


def sign(client, person, proposal, **fields):
    url = f"{API}/proposals/{proposal['id']}/signatures"
    return client.post(url, json={"base": proposal["base"], **fields}, headers=person.headers)


def test_a_board_gets_each_file_byte_for_byte(client, host, device, board):
    for name in ("1.root.json", "1.targets.json", "timestamp.json"):
        answer = client.get(f"/api/device/v1/metadata/{name}", headers=board)
        assert answer.data == (host.trust.repository.folder / name).read_bytes()


@pytest.mark.parametrize(
    "name",
    ("2.root.json", "fleet.json", ".lock", "..%2Fkeys%2Fonline.json", "1.root.jsonx", "x" * 300),
)
def test_what_is_no_metadata_is_not_found(client, device, board, name):
    answer = client.get(f"/api/device/v1/metadata/{name}", headers=board)
    assert (answer.status_code, answer.json["error"]) == (404, "not-found")


def test_nobody_gets_metadata_without_a_secret(client):
    assert client.get("/api/device/v1/metadata/timestamp.json").status_code == 401


def test_an_assignment_says_which_timestamp_there_is(client, host, device, board):
    answer = client.get("/api/device/v1/assignment", headers=board)
    assert answer.json["metadata"] == host.trust.repository.version()


def test_the_fleet_s_root_is_handed_out_for_deploy(client, host):
    import base64

    given = base64.b64decode(client.get(f"{API}/fleet").json["root"])
    assert given == host.trust.repository.root()


def test_what_a_board_trusts_is_kept(client, db, device, board):
    from host.services import trust

    item = {"key": "0" * 16, "kind": "update", "metadata": {"targets": 7}}
    assert client.post("/api/device/v1/reports", json=[item], headers=board).status_code == 200
    assert trust.seen_versions(db) == {"targets": 7}


def test_a_proposal_says_all_that_it_takes_to_compose_it(proposal, approver):
    assert (proposal["base"], proposal["version"], proposal["removals"]) == (1, 2, [])
    assert proposal["needs"] == {"targets": [{"signed": [], "threshold": 1}]}


def test_the_same_is_proposed_once(client, approver, admin, proposal):
    value = {"kind": "approve", "product": "blink", "number": 2}
    again = client.post(f"{API}/proposals", json=value, headers=admin.headers)
    assert again.json["id"] == proposal["id"]


def test_a_release_is_approved_by_a_passphrase(client, approver, proposal):
    assert sign(client, approver, proposal, passphrase=PASSPHRASE).json["state"] == "signed"
    shown = client.get(f"{API}/releases/blink/2", headers=approver.headers).json
    assert shown["approved"]


def test_a_wrong_passphrase_is_refused(client, approver, proposal):
    answer = sign(client, approver, proposal, passphrase="wrong horse")
    assert (answer.status_code, answer.json["error"]) == (403, "wrong-passphrase")


def test_a_passphrase_is_in_no_event(client, db, approver, proposal):
    from host.models import Event

    sign(client, approver, proposal, passphrase=PASSPHRASE)
    assert [one for one in db.query(Event) if PASSPHRASE in f"{one.what} {one.why}"] == []


@pytest.mark.parametrize(
    "fields",
    (
        {},
        {"signatures": []},
        {"signatures": "all"},
        {"signatures": [{"role": "targets"}]},
        {"signatures": [{"role": "targets", "keyid": 5, "sig": ""}]},
        {"signatures": [{"role": "targets", "keyid": "a", "sig": "0" * 3000}]},
        {"passphrase": 5},
        {"passphrase": PASSPHRASE, "base": "1"},
    ),
)
def test_odd_signatures_are_refused(client, approver, proposal, fields):
    assert sign(client, approver, proposal, **fields).json["error"] == "bad-request"


def test_a_signature_of_nobody_s_key_is_refused(client, approver, proposal):
    given = [{"role": "targets", "keyid": "ab" * 32, "sig": "00"}]
    assert sign(client, approver, proposal, signatures=given).json["error"] == "not-a-signer"


@pytest.mark.parametrize(
    ("path", "value"),
    (
        ("proposals", {"kind": "approve", "product": "blink", "number": 2}),
        ("proposals", {"kind": "renew"}),
        ("proposals", {"kind": "fleet", "fleet": "{}"}),
        ("keys/revoke", {"keyid": "ab"}),
        ("keys/rotate", {"role": "root", "passphrase": PASSPHRASE}),
        ("keys/import", {"role": "root", "user": "a@b", "public": {}}),
        ("releases/blink/2/withdraw", {"reason": "no good"}),
    ),
)
def test_an_operator_changes_nothing_that_is_signed(client, alice, release, path, value):
    answer = client.post(f"{API}/{path}", json=value, headers=alice.headers)
    assert (answer.status_code, answer.json["error"]) == (403, "forbidden")


@pytest.mark.parametrize(
    "public", ({}, None, "key", {"keytype": "dsa"}, {"keyval": {"public": 5}})
)
def test_a_key_that_is_none_is_refused(client, admin, alice, public):
    value = {"role": "targets", "user": alice.email, "public": public}
    answer = client.post(f"{API}/keys/import", json=value, headers=admin.headers)
    assert (answer.status_code, answer.json["error"]) == (400, "bad-key")


@pytest.mark.parametrize("thresholds", ({"targets": 0}, {"targets": 99}, {"snapshot": 1}, [1]))
def test_odd_thresholds_are_refused(client, admin, thresholds):
    value = {"keyid": "ab", "thresholds": thresholds}
    answer = client.post(f"{API}/keys/revoke", json=value, headers=admin.headers)
    assert answer.json["error"] == "bad-request"


def test_roles_and_keys_are_listed(client, viewer):
    shown = client.get(f"{API}/keys", headers=viewer.headers).json
    assert {one["role"]: one["threshold"] for one in shown["roles"]} == dict.fromkeys(
        ("root", "targets", "snapshot", "timestamp"), 1
    )
    assert [one["held"] for one in shown["keys"]] == [True, True, True]
    assert shown["alarms"] == []


def test_metrics_say_when_what_expires(client, host, viewer):
    text = client.get("/metrics", headers=viewer.headers).text
    expires = int(host.trust.repository.expiries()["root"].timestamp())
    line = f'mpfleet_metadata_expires_timestamp_seconds{{role="root"}} {expires}'
    assert line in text.splitlines()
    assert "mpfleet_metadata_alarms 0" in text


def test_metrics_are_for_people_of_the_fleet(client):
    assert client.get("/metrics").json["error"] == "bad-credentials"


@pytest.mark.parametrize("product", ("root", "targets", "snapshot", "timestamp", "fleet"))
def test_no_product_is_called_like_a_role(client, alice, product):
    from host_samples import encode, manifest_value

    content = encode(manifest_value(product=product))
    answer = client.post(f"{API}/releases", data=content, headers=alice.headers)
    assert answer.json["error"] == "manifest-invalid"


@pytest.mark.parametrize(
    "fields",
    (
        {"addresses": []},
        {"addresses": ["https://here"]},
        {"cas": []},
        {"cas": ["AAAA"]},
        {"port": 0},
        {"format": 2},
        {"name": ""},
        {"more": 1},
        {"addresses": ["a" * 250] * 8 + ["b"]},
    ),
)
def test_a_house_that_boards_could_not_live_in_is_refused(client, admin, host, fields):
    import datetime as dt

    from host import pki
    from host.services import house

    folder = host.settings.data_folder / "pki"
    pki.ensure(folder, "mpfleet", [], dt.datetime.now(dt.UTC))
    good = house.write("mpfleet", ["192.168.1.20"], 8443, 8883, [pki.ca_pem(folder)])
    for content, status in ((good, 201), (json.dumps({**json.loads(good), **fields}), 400)):
        value = {"kind": "fleet", "fleet": content}
        answer = client.post(f"{API}/proposals", json=value, headers=admin.headers)
        assert answer.status_code == status
