"""The user API of people, invitations and tokens for programs (SPEC section 11)."""

import pytest

from host.models import User

API = "/api/v1"
PASSWORD = "correct horse"


@pytest.fixture
def ask(client, admin):
    """Asks as the admin, or as somebody else."""

    def ask(method, path, who=admin, **value):
        return client.open(f"{API}{path}", method=method, json=value, headers=who.headers)

    return ask


def said(answer):
    return answer.status_code, answer.json["error"]


def test_a_person_is_listed_with_what_admins_know(ask, alice):
    listed = ask("GET", "/users").json
    shown = next(one for one in listed if one["email"] == alice.email)
    assert (shown.pop("id"), shown.pop("created_at")[-1]) == (alice.id, "Z")
    assert shown == {"email": alice.email, "role": "operator", "active": True}


def test_a_role_changes_for_who_is_signed_in(ask, client, alice):
    assert ask("PATCH", f"/users/{alice.id}", role="viewer").json["role"] == "viewer"
    assert client.get(f"{API}/me", headers=alice.headers).json["role"] == "viewer"


def test_who_is_deactivated_is_out_at_once(ask, client, alice):
    assert ask("PATCH", f"/users/{alice.id}", active=False).json["active"] is False
    assert client.get(f"{API}/me", headers=alice.headers).status_code == 401
    assert ask("PATCH", f"/users/{alice.id}", active=True).json["active"] is True


@pytest.mark.parametrize("value", ({}, {"active": "no"}, {"role": "king"}, {"role": 5}, {"x": 1}))
def test_an_odd_change_is_refused(ask, alice, value):
    assert said(ask("PATCH", f"/users/{alice.id}", **value)) == (400, "bad-request")


def test_the_last_admin_is_not_demoted(ask, admin):
    assert said(ask("PATCH", f"/users/{admin.id}", role="viewer")) == (409, "last-admin")
    assert said(ask("PATCH", f"/users/{admin.id}", active=False)) == (409, "last-admin")


@pytest.mark.parametrize(("method", "path"), (("PATCH", ""), ("POST", "/reset")))
def test_nobody_is_not_found(ask, method, path):
    assert said(ask(method, f"/users/99{path}", role="viewer")) == (404, "not-found")


def test_an_invitation_is_made_listed_and_taken_back(ask):
    made = ask("POST", "/invitations", email="carol@example.com", role="viewer", days=2)
    assert made.status_code == 201
    assert made.json["url"].startswith("https://host.lan:8443/join/mpi_")
    listed = ask("GET", "/invitations").json
    assert [(one["email"], one["role"], "url" in one) for one in listed] == [
        ("carol@example.com", "viewer", False)
    ]
    assert ask("DELETE", f"/invitations/{made.json['id']}").json == {}
    assert ask("GET", "/invitations").json == []


def test_a_reset_link_is_made(ask, alice):
    made = ask("POST", f"/users/{alice.id}/reset")
    assert made.status_code == 201
    assert made.json["url"].startswith("https://host.lan:8443/reset/mpr_")


def test_a_token_for_a_program_does_what_its_scopes_say(ask, client, alice):
    given = {"name": "robot", "scopes": ["release.see"], "days": 7}
    made = ask("POST", "/api-tokens", alice, **given)
    assert (made.status_code, made.json["kind"], made.json["scopes"]) == (
        201, "api", ["release.see"],
    )  # fmt: skip
    headers = {"Authorization": f"Bearer {made.json['token']}"}
    statuses = [client.get(f"{API}{path}", headers=headers).status_code
                for path in ("/releases", "/me", "/devices", "/tokens")]  # fmt: skip
    assert statuses == [200, 200, 403, 403]


WAYS = (
    ("POST", "/api-tokens", {"name": "x", "scopes": ["key"]}),
    ("POST", "/users", {"email": "eve@example.com", "role": "admin"}),
    ("POST", "/invitations", {"email": "eve@example.com", "role": "admin"}),
    ("PATCH", "/users/1", {"role": "admin"}),
    ("POST", "/users/1/reset", {}),
    ("POST", "/me/password", {"password": "x", "new": PASSWORD}),
    ("DELETE", "/tokens", {}),
)


@pytest.mark.parametrize(("method", "path", "value"), WAYS)
def test_a_token_for_a_program_makes_itself_no_greater_one(client, ask, db, method, path, value):
    scopes = ["account.see", "device", "key", "release", "user.see"]
    token = ask("POST", "/api-tokens", name="robot", scopes=scopes).json["token"]
    headers = {"Authorization": f"Bearer {token}"}
    answer = client.open(f"{API}{path}", method=method, json=value, headers=headers)
    assert said(answer) == (403, "forbidden")
    assert db.query(User).count() == 1


def test_a_demotion_limits_the_tokens_of_before(ask, client, alice):
    token = ask("POST", "/api-tokens", alice, name="robot", scopes=["release"]).json["token"]
    ask("PATCH", f"/users/{alice.id}", role="viewer")
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get(f"{API}/releases", headers=headers).status_code == 200
    assert client.post(f"{API}/releases", headers=headers).status_code == 403


def test_ones_tokens_say_when_and_from_where_they_were_used(ask, alice):
    shown = ask("GET", "/tokens", alice).json[0]
    assert (shown["last_used_from"], shown["kind"], shown["scopes"]) == (
        "127.0.0.1", "command-line", None,
    )  # fmt: skip
    assert shown["last_used_at"].endswith("Z")


def test_all_other_sign_ins_end(ask, client, alice):
    token = ask("POST", "/api-tokens", alice, name="robot", scopes=["release"]).json["token"]
    assert ask("DELETE", "/tokens", alice).json == {"ended": 1}
    assert client.get(f"{API}/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert ask("GET", "/me", alice).status_code == 200


def test_the_password_is_changed_by_who_knows_it(client, ask):
    made = ask("POST", "/users", email="carol@example.com").json
    signed = client.post(f"{API}/tokens", json={k: made[k] for k in ("email", "password")}).json
    headers = {"Authorization": f"Bearer {signed['token']}"}
    wrong, right = (
        client.post(f"{API}/me/password", json={"password": old, "new": PASSWORD}, headers=headers)
        for old in ("x", made["password"])
    )
    assert (said(wrong), right.status_code) == ((401, "bad-credentials"), 200)
    again = client.post(f"{API}/tokens", json={"email": made["email"], "password": PASSWORD})
    assert again.status_code == 201
