"""People and tokens on the command line."""

import itertools

import pytest

from host.services import links

_ids = itertools.count(1)


@pytest.fixture
def email(signed_in):
    """A person of our own."""
    made = f"person{next(_ids)}@garden"
    signed_in("user", "add", made, json_=True)
    return made


def person(signed_in, email):
    return next(one for one in signed_in("user", "list", json_=True) if one["email"] == email)


def test_an_invitation_is_printed_and_signs_a_person_up(host, signed_in):
    made = signed_in("user", "invite", "new@garden", "--role", "viewer", "--expires", "2d",
                     json_=True)  # fmt: skip
    text = made["url"].rpartition("/")[2]
    assert "new@garden" in signed_in("user", "invitations").output
    with host.database.begin() as session:
        links.sign_up(session, host.settings, text, "correct horse", "10.0.0.1")
    assert person(signed_in, "new@garden")["role"] == "viewer"


def test_an_invitation_is_taken_back(signed_in):
    assert "good once until" in signed_in("user", "invite", "never@garden").output
    listed = signed_in("user", "invitations", json_=True)
    [number] = [one["id"] for one in listed if one["email"] == "never@garden"]
    left = signed_in("user", "invitations", "--take-back", number, json_=True)
    assert number not in [one["id"] for one in left]


def test_a_role_is_changed(signed_in, email):
    assert "approver" in signed_in("user", "role", email.upper(), "approver").output
    assert person(signed_in, email)["role"] == "approver"


def test_a_person_leaves_and_comes_back(signed_in, email):
    assert signed_in("user", "deactivate", email, typed="n\n").exit_code == 1
    assert person(signed_in, email)["active"] is True
    signed_in("user", "deactivate", email, "--yes")
    assert person(signed_in, email)["active"] is False
    signed_in("user", "activate", email)
    assert person(signed_in, email)["active"] is True


def test_the_last_admin_stays(signed_in):
    result = signed_in("user", "role", "admin@garden", "viewer")
    assert (result.exit_code, "last-admin" in result.output) == (1, True)


def test_a_reset_link_is_printed(signed_in, email):
    assert "/reset/mpr_" in signed_in("user", "reset", email).output


def test_nobody_is_one_line(signed_in):
    result = signed_in("user", "reset", "nobody@garden")
    assert (result.exit_code, result.output.count("\n")) == (1, 1)


def test_a_token_for_a_program_does_what_it_is_for(signed_in, monkeypatch):
    words = ("token", "create", "robot", "--scope", "release.see", "--expires", "2w")
    made = signed_in(*words, json_=True)
    monkeypatch.setenv("MPFLEET_TOKEN", made["token"])
    assert signed_in("release", "list").exit_code == 0
    refused = signed_in("user", "list")
    assert (refused.exit_code, "This token is not for that" in refused.output) == (1, True)


@pytest.mark.parametrize("time", ("", "30", "d", "-1d", "1h", "99999d"))
def test_an_odd_time_is_wrong_usage(signed_in, time):
    words = ("token", "create", "robot", "--scope", "release.see", "--expires", time)
    assert signed_in(*words).exit_code == 2


def test_all_other_sign_ins_end(host, mpfleet, signed_in, email):
    password = signed_in("user", "password", email, "--data", host.folder, json_=True)["password"]
    words = ("login", host.url, "--ca", host.ca, "--email", email, "--password-stdin")
    for profile in ("here", "lost"):
        mpfleet("--profile", profile, *words, typed=password + "\n")
    assert "are void now: 1" in mpfleet("--profile", "here", "token", "revoke", "--others").output
    assert mpfleet("--profile", "lost", "device", "list").exit_code == 1
    assert mpfleet("--profile", "here", "token", "revoke").exit_code == 2


def test_a_group_is_made_filled_and_removed(signed_in, email):
    name = f"lab {next(_ids)}"
    assert "you are in no group" in signed_in("group", "list").output
    signed_in("group", "create", name)
    found = signed_in("group", "add", name, email.upper(), json_=True)
    assert [one["email"] for one in found["members"]] == [email]
    assert email in signed_in("group", "list").output
    assert signed_in("group", "drop", name, email, json_=True)["members"] == []
    assert signed_in("group", "drop", name, email).exit_code == 1
    assert signed_in("group", "remove", name).exit_code == 0
    assert signed_in("group", "remove", name).exit_code == 1
