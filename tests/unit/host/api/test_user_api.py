"""The user API of accounts and tokens (SPEC section 11)."""

import hashlib
import ssl

import pytest

from host.models import Token, User
from host.services import accounts

API = "/api/v1"
PUBLIC = {("GET", f"{API}/fleet"), ("POST", f"{API}/tokens")}

# A certificate's shape is enough here; the PKI has its own tests.
PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@pytest.fixture
def carol(db):
    """An account with a password: (address, password)."""
    user, password = accounts.create(db, "Carol@Example.com")
    db.commit()
    return {"email": user.email, "password": password}


def routes(app):
    """Every method and path of the user API."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(f"{API}/"):
            values = {name: 1 if name == "number" else "0" * 64 for name in rule.arguments}
            path = app.url_map.bind("localhost").build(rule.endpoint, values)
            yield from ((m, path) for m in sorted(rule.methods - {"HEAD", "OPTIONS"}))


@pytest.mark.parametrize("header", ("", "Bearer mpf_wrong", "Basic x", "Bearer é"))
def test_nothing_but_fleet_and_sign_in_is_public(app, client, header):
    private = [route for route in routes(app) if route not in PUBLIC]
    answers = [
        client.open(path, method=method, headers={"Authorization": header})
        for method, path in private
    ]
    assert len(private) > 15
    assert {(a.status_code, a.json["error"]) for a in answers} == {(401, "bad-credentials")}


def test_the_fleet_says_how_to_find_and_trust_it(client, host):
    folder = host.settings.data_folder / "pki"
    folder.mkdir()
    (folder / "ca.pem").write_text(PEM)
    answer = client.get(f"{API}/fleet").json
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(PEM)).hexdigest()
    assert (answer["ca"], answer["ca_sha256"], answer["name"]) == (PEM, digest, "mpfleet")
    assert (answer["addresses"], answer["port"], answer["mqtt_port"]) == (["host.lan"], 8443, 8883)
    assert answer["time"] > 1.7e9


def test_a_fleet_without_a_ca_says_so(client):
    answer = client.get(f"{API}/fleet").json
    assert (answer["ca"], answer["ca_sha256"]) == ("", "")


def test_signing_in_gives_a_token_that_works(client, carol):
    answer = client.post(f"{API}/tokens", json={**carol, "email": "CAROL@example.com "})
    token = answer.json["token"]
    me = client.get(f"{API}/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 201
    assert token.startswith("mpf_")
    assert me.json == {"email": "carol@example.com", "role": "operator"} == answer.json["user"]


def test_only_a_tokens_hash_is_kept(client, carol, db):
    token = client.post(f"{API}/tokens", json=carol).json["token"]
    assert db.query(Token).one().digest == hashlib.sha256(token.encode()).hexdigest()


@pytest.mark.parametrize("more", ({"token_s": -1},))
def test_an_expired_token_is_of_no_use(client, carol):
    token = client.post(f"{API}/tokens", json=carol).json["token"]
    answer = client.get(f"{API}/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


def test_a_token_that_signed_out_is_of_no_use(client, viewer, alice):
    assert client.delete(f"{API}/tokens/current", headers=viewer.headers).status_code == 200
    asked = [client.get(f"{API}/me", headers=one.headers) for one in (viewer, alice)]
    assert [answer.status_code for answer in asked] == [401, 200]


def test_tokens_are_listed_newest_first_without_their_text(client, carol):
    for name in ("laptop", "robot"):
        signed_in = client.post(f"{API}/tokens", json={**carol, "name": name})
    text = signed_in.json["token"]
    listed = client.get(f"{API}/tokens", headers={"Authorization": f"Bearer {text}"})
    assert [(t["name"], t["current"]) for t in listed.json] == [("robot", True), ("laptop", False)]
    assert text not in listed.text


def test_one_of_the_own_tokens_is_revoked(client, carol):
    first, second = (
        {"Authorization": f"Bearer {client.post(f'{API}/tokens', json=carol).json['token']}"}
        for _ in range(2)
    )
    older = client.get(f"{API}/tokens", headers=second).json[1]["id"]
    assert client.delete(f"{API}/tokens/{older}", headers=second).status_code == 200
    asked = [client.get(f"{API}/me", headers=headers).status_code for headers in (first, second)]
    assert asked == [401, 200]


def test_somebody_else_s_token_is_not_found(client, alice, bob):
    theirs = client.get(f"{API}/tokens", headers=bob.headers).json[0]["id"]
    answer = client.delete(f"{API}/tokens/{theirs}", headers=alice.headers)
    assert (answer.status_code, answer.json["error"]) == (404, "not-found")
    assert client.get(f"{API}/me", headers=bob.headers).status_code == 200


@pytest.mark.parametrize("wrong", ({"password": "x"}, {"email": "nobody@example.com"}), ids=str)
def test_a_wrong_password_and_a_wrong_address_look_alike(client, carol, wrong):
    answer = client.post(f"{API}/tokens", json={**carol, **wrong})
    assert answer.status_code == 401
    assert answer.json == {
        "error": "bad-credentials",
        "message": "This address and password do not go together.",
    }


@pytest.mark.parametrize("limits", ({"sign-in:email-address": (2, 300)},))
def test_guessing_passwords_is_limited(client, carol):
    guesses = [client.post(f"{API}/tokens", json={**carol, "password": "x"}) for _ in range(2)]
    right = client.post(f"{API}/tokens", json=carol)
    assert [answer.status_code for answer in guesses] == [401, 401]
    assert (right.status_code, right.json["error"]) == (429, "rate-limited")
    assert 290 <= int(right.headers["Retry-After"]) <= 300


@pytest.mark.parametrize("limits", ({"sign-in:email-address": (2, 300)},))
def test_who_signs_in_is_not_counted(client, carol):
    answers = [client.post(f"{API}/tokens", json=carol) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [201] * 4


@pytest.mark.parametrize("limits", ({"sign-in:email-address": (1, 300)},))
def test_a_guesser_does_not_lock_the_person_out_elsewhere(client, carol):
    for _ in range(3):
        client.post(f"{API}/tokens", json={**carol, "password": "x"})
    peer = {"REMOTE_ADDR": "10.1.1.1"}
    assert client.post(f"{API}/tokens", json=carol, environ_base=peer).status_code == 201


@pytest.mark.parametrize("fields", ({}, {"email": 5, "password": "x"}, {"email": "a@b"}), ids=str)
def test_a_sign_in_without_its_fields_is_refused(client, fields):
    answer = client.post(f"{API}/tokens", json=fields)
    assert (answer.status_code, answer.json["error"]) == (400, "bad-request")


def test_an_admin_makes_accounts(client, admin):
    made = client.post(f"{API}/users", json={"email": "Dan@example.com"}, headers=admin.headers)
    signed_in = client.post(
        f"{API}/tokens", json={"email": made.json["email"], "password": made.json["password"]}
    )
    assert (made.status_code, made.json["role"], signed_in.status_code) == (201, "operator", 201)
    listed = client.get(f"{API}/users", headers=admin.headers).json
    assert ("dan@example.com", "operator") in [(one["email"], one["role"]) for one in listed]


@pytest.mark.parametrize(
    "fields", ({"email": "nobody"}, {"email": "a@b.c", "role": "king"}), ids=str
)
def test_an_odd_account_is_refused(client, admin, fields, db):
    answer = client.post(f"{API}/users", json=fields, headers=admin.headers)
    assert (answer.status_code, answer.json["error"]) == (400, "bad-request")
    assert db.query(User).count() == 1


def test_an_address_has_one_account(client, admin):
    answer = client.post(f"{API}/users", json={"email": admin.email}, headers=admin.headers)
    assert (answer.status_code, answer.json["error"]) == (409, "email-taken")


@pytest.mark.parametrize("method", ("GET", "POST"))
def test_an_operator_sees_no_accounts(client, alice, method):
    answer = client.open(f"{API}/users", method=method, headers=alice.headers)
    assert (answer.status_code, answer.json["error"]) == (403, "forbidden")
