"""Who may do what: every route of the host, asked by every role (services.permissions)."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from host_samples import DEVICE_ID, make_device, make_user

from host.models import Event, Group, Outbox, User
from host.services import permissions, tokens
from host.services.clock import utc

OPERATE = Path(__file__).parents[3] / "docs" / "OPERATE.md"
FORM = "form secret"
VALUES = {
    "device_id": DEVICE_ID, "product": "blink", "number": 1, "sha256": "0" * 64, "kind": "approve",
    "action": "update-now", "verb": "role", "name": "root.json", "filename": "style.css",
}  # fmt: skip


@pytest.fixture
def rules(app):
    """Every route: (endpoint, method, address)."""
    urls = app.url_map.bind("localhost")
    return [
        (rule.endpoint, method, urls.build(rule.endpoint, _values(rule), method))
        for rule in app.url_map.iter_rules()
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"})
    ]


def _values(rule):
    return {name: VALUES.get(name, 1) for name in rule.arguments}


@pytest.fixture
def ask(app, client):
    """Sends a request as a person: by token, or as their browser."""

    def ask(who, method, path):
        token = who.token if who else ""
        with client.session_transaction(base_url="https://localhost") as cookie:
            cookie["token"], cookie["form"] = token, FORM
        headers = {"Authorization": f"Bearer {token}"}
        if path.startswith("/api/"):
            return client.open(path, method=method, headers=headers, json={})
        data = {"form_secret": FORM} if method == "POST" else None
        return client.open(path, method=method, headers=headers, data=data)

    return ask


@pytest.fixture
def views(app):
    """All views replaced by one: only what stands before them decides."""
    for endpoint in app.view_functions:
        app.view_functions[endpoint] = lambda **_: ("", 204)


def outcome(answer):
    """What stands before the views said."""
    is_sign_in = answer.status_code == 302 and "/sign-in" in answer.headers["Location"]
    return 401 if is_sign_in else answer.status_code


def test_every_route_stands_in_the_table(app):
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(permissions.ROUTES)


def test_a_route_that_is_not_in_the_table_is_refused(app, client, admin, monkeypatch, caplog):
    monkeypatch.delitem(permissions.ROUTES, "people_api.me")
    assert client.get("/api/v1/me", headers=admin.headers).status_code == 500


@pytest.mark.parametrize("role", permissions.ROLES)
def test_a_role_may_what_its_rows_say(db, rules, views, ask, role):
    who = make_user(db, "who@example.com", role)
    make_device(db, who)
    expected = {}
    for endpoint, method, path in rules:
        action, _ = permissions.ROUTES[endpoint]
        least = permissions.ACTIONS.get(action, "viewer")
        is_allowed = permissions.ROLES.index(role) >= permissions.ROLES.index(least)
        expected[endpoint, method, path] = 204 if is_allowed else 403
    found = {row: outcome(ask(who, *row[1:])) for row in rules}
    assert found == expected


# What each role may change beyond the roles before it, said once more and apart from the table.
CHANGES = {
    "viewer": {
        "account.add_token", "account.change_password", "account.end", "account.end_others",
        "people_api.change_password", "people_api.create_token", "people_api.revoke_others",
        "people_api.revoke_token", "people_api.sign_out",
    },
    "operator": {
        "blobs_api.put", "claim.take", "devices.change", "devices_api.assign",
        "devices_api.rename", "devices_api.resolve_conflict", "devices_api.retire",
        "devices_api.update_now", "ownership.accept", "ownership.decline", "ownership.give_back",
        "ownership.new_secret", "ownership_api.accept", "ownership_api.claim",
        "ownership_api.decline", "ownership_api.enrolment_token", "ownership_api.give_back",
        "ownership_api.take_back", "ownership_api.transfer", "releases.assign",
        "releases_api.add", "releases_api.complete", "rollouts.act", "rollouts.begin",
        "rollouts_api.act", "rollouts_api.create", "verifications.again",
        "verifications_api.again", "verifications_api.hand_in",
    },
    "approver": {
        "approvals.sign", "approvals.take_back", "releases_api.withdraw", "trust_api.drop",
        "trust_api.propose", "trust_api.sign",
    },
    "admin": {
        "groups_api.add", "groups_api.create", "groups_api.drop", "groups_api.remove",
        "people.add_group", "people.add_member", "people.change", "people.drop_member",
        "people.invite", "people.remove_group", "people.take_back",
        "trust_api.add_key", "trust_api.revoke_key", "trust_api.rotate_key", "users_api.change",
        "users_api.create", "users_api.invite", "users_api.reset", "users_api.take_back",
        "verifications.waive", "verifications_api.waive",
    },
}  # fmt: skip
PUBLIC = {
    "device_api.register", "device_api.report", "joining.open_take", "joining.reset",
    "joining.take", "people_api.sign_in", "sign_in.enter", "sign_in.leave",
}  # fmt: skip


def test_what_each_role_may_change(db, rules, views, ask, device):
    changing = [row for row in rules if row[1] != "GET"]
    found, before = {}, PUBLIC
    for role in permissions.ROLES:
        who = make_user(db, f"{role}@example.com", role)
        device.owner_id = who.id
        db.commit()
        allowed = {row[0] for row in changing if outcome(ask(who, *row[1:])) == 204}
        found[role], before = allowed - before, before | allowed
    assert found == CHANGES


@pytest.mark.parametrize("token", ("", "mpf_wrong"))
def test_who_is_not_signed_in_reaches_the_public_only(rules, views, ask, token):
    nobody = SimpleNamespace(token=token)
    reached = {row[0] for row in rules if outcome(ask(nobody, *row[1:])) == 204}
    open_to_all = (permissions.PUBLIC, permissions.BOARD)
    assert reached == {e for e, (_, whose) in permissions.ROUTES.items() if whose in open_to_all}


def test_a_boards_routes_ask_for_its_secret(rules, client, device):
    asked = [row for row in rules if permissions.ROUTES[row[0]][1] == permissions.BOARD]
    headers = {"Authorization": f"Bearer {DEVICE_ID}:{'0' * 64}"}
    answers = [client.open(path, method=method, headers=headers) for _, method, path in asked]
    assert {answer.status_code for answer in answers} == {401}


@pytest.mark.parametrize("role", ("viewer", "operator", "approver"))
def test_somebody_elses_device_does_not_exist(db, rules, ask, device, role):
    """Refused for the role, or not found: nothing is told, nothing is done."""
    bob = make_user(db, "bob@example.com", role)
    asked = [row for row in rules if DEVICE_ID in row[2]]
    found = {outcome(ask(bob, *row[1:])) for row in asked}
    db.refresh(device)
    assert found <= {403, 404}
    assert len(asked) > 8
    assert (device.state, db.query(Outbox).count(), db.query(Event).count()) == ("claimed", 0, 0)


@pytest.mark.parametrize("role", ("viewer", "operator", "approver"))
def test_a_groups_device_is_each_members_as_far_as_their_role_goes(
    db, rules, views, ask, device, role
):
    """The routes of a device that a role may use are the same as with a device of one's own."""
    who = make_user(db, "who@example.com", role)
    asked = [row for row in rules if DEVICE_ID in row[2]]
    found = []
    for shared in (False, True):
        group = Group(name="lab", created_at=utc(), members=[db.get(User, who.id)])
        device.owner_id, device.group = (None, group) if shared else (who.id, None)
        db.commit()
        found.append({row: outcome(ask(who, *row[1:])) for row in asked})
    assert found[0] == found[1]
    assert 204 in found[1].values()


def test_an_admin_reaches_every_device(db, rules, views, ask, device, admin):
    asked = [row for row in rules if DEVICE_ID in row[2]]
    assert {outcome(ask(admin, *row[1:])) for row in asked} == {204}


@pytest.fixture
def bearer(db, admin):
    """An admin's token for programs with these scopes."""

    def bearer(*scopes):
        user = db.get(User, admin.id)
        text, _ = tokens.issue(db, user, "robot", 60, tokens.API, list(scopes))
        db.commit()
        return SimpleNamespace(token=text)

    return bearer


SCOPES = (
    # scopes; what they reach, of each action's routes
    (("release.see",), {"release.see"}),
    (
        ("release",),
        {
            *("release.see", "release.upload", "release.verify", "release.waive"),
            *("release.assign", "release.approve"),
        },
    ),
    (("device",), {"device.see", "device.claim", "device.change"}),
    (("key.manage", "user.see"), {"key.manage", "user.see"}),
    # what would make greater tokens is not among them
    (("user", "group", "account"), {"account.see", "user.see", "group.see"}),
    (("user.manage", "account.change"), set()),
)


@pytest.mark.parametrize(("scopes", "reached"), SCOPES, ids=[" ".join(row[0]) for row in SCOPES])
def test_a_token_reaches_what_its_scopes_say(
    db, rules, views, ask, bearer, admin, device, scopes, reached
):
    robot = bearer(*scopes)
    device.owner_id = admin.id
    db.commit()
    asked = [row for row in rules if permissions.ROUTES[row[0]][0]]
    let_in = [row for row in asked if outcome(ask(robot, *row[1:])) == 204]
    assert {permissions.ROUTES[row[0]][0] for row in let_in} == reached


def test_a_token_sees_no_more_devices_than_its_scopes_say(client, device, bearer):
    for scopes, count in ((("device.see",), 0), (("device.see", "device.see-all"), 1)):
        headers = {"Authorization": f"Bearer {bearer(*scopes).token}"}
        assert len(client.get("/api/v1/devices", headers=headers).json) == count


def test_a_refusal_says_whether_role_or_token_is_too_small(client, bearer, viewer):
    url = "/api/v1/keys/revoke"
    by_token = client.post(url, headers={"Authorization": f"Bearer {bearer('release').token}"})
    by_role = client.post(url, headers=viewer.headers)
    assert by_token.json["message"] == "This token is not for that (key.manage)."
    assert by_role.json["message"] == "The role viewer may not do this (key.manage)."


def test_an_unknown_role_may_nothing():
    king = SimpleNamespace(role="king")
    assert not any(permissions.allows(king, action) for action in permissions.ACTIONS)


def test_nobody_may_nothing():
    assert not any(permissions.allows(None, action) for action in permissions.ACTIONS)


def test_the_table_for_people_is_that_of_the_code():
    rows = re.findall(r"^\| `([a-z.-]+)` \|.*\| ([a-z]+) \|$", OPERATE.read_text(), re.MULTILINE)
    assert dict(rows) == permissions.ACTIONS
