"""Signing in: whom one trusts, and why."""

import datetime as dt
import json
from http import HTTPStatus

import pytest

from host import pki
from host.cli import profile, trust
from host.cli.client import ApiError, Client

ADMIN = "admin@garden"
FLEET = "garden"


@pytest.fixture
def other_ca(tmp_path):
    """The CA of somebody else."""
    pki.ensure(tmp_path / "other", "other", [], dt.datetime.now(dt.UTC))
    return tmp_path / "other/ca.pem"


def test_a_ca_file_and_a_password_from_standard_input(host, mpfleet, config):
    words = ("login", host.url, "--ca", host.ca, "--email", ADMIN, "--password-stdin")
    result = mpfleet(*words, typed=host.password + "\n")
    assert (result.exit_code, f"as {ADMIN} (admin)" in result.output) == (0, True)
    stored = json.loads((config / "default.json").read_text())
    assert (stored["fleet"], stored["token"][:4]) == (FLEET, "mpf_")


def test_the_password_is_nowhere_on_disk(host, signed_in, config):
    assert host.password not in (config / "default.json").read_text()


def test_a_password_file(host, mpfleet, tmp_path):
    (tmp_path / "password").write_text(host.password + "\n")
    words = ("login", host.url, "--ca", host.ca, "--email", ADMIN)
    assert mpfleet(*words, "--password-file", tmp_path / "password").exit_code == 0


def test_email_and_password_are_asked_for(host, mpfleet):
    result = mpfleet("login", host.url, "--ca", host.ca, typed=f"{ADMIN}\n{host.password}\n")
    assert (result.exit_code, host.password in result.output) == (0, False)


def test_trust_on_first_use_shows_the_fingerprint(host, mpfleet):
    result = mpfleet("login", host.url, typed=f"y\n{ADMIN}\n{host.password}\n")
    assert (result.exit_code, trust.fingerprint(host.ca.read_text()) in result.output) == (0, True)


@pytest.mark.parametrize("typed", ("n\n", ""), ids=["no", "nobody there"])
def test_without_trust_nothing_is_sent(host, mpfleet, typed):
    result = mpfleet("login", host.url, typed=typed)
    assert (result.exit_code, "nothing was sent" in result.output) == (1, True)


def test_a_fingerprint_given_is_compared(host, mpfleet):
    words = ("login", host.url, "--email", ADMIN, "--password-stdin", "--fingerprint")
    right = trust.fingerprint(host.ca.read_text())
    assert mpfleet(*words, right.lower(), typed=host.password).exit_code == 0
    assert mpfleet(*words, "00" * 32, typed=host.password).exit_code == 1


def test_the_ca_of_a_data_folder_on_this_machine_is_trusted(host, mpfleet, monkeypatch):
    monkeypatch.setenv("MPFLEET_DATA_FOLDER", str(host.folder))
    result = mpfleet("login", host.url, typed=f"{ADMIN}\n{host.password}\n")
    assert (result.exit_code, "this machine's data folder" in result.output) == (0, True)


def test_a_data_folder_of_another_host_does_not_count(host, mpfleet, other_ca, monkeypatch):
    other_ca.parent.rename(other_ca.parent.with_name("pki"))
    monkeypatch.setenv("MPFLEET_DATA_FOLDER", str(other_ca.parent.parent))
    result = mpfleet("login", host.url, typed="n\n")
    assert "fingerprint" in result.output


def test_a_host_of_another_ca_is_refused(host, mpfleet, other_ca):
    result = mpfleet("login", host.url, "--ca", other_ca, "--email", "x", typed="x\n")
    assert (result.exit_code, "is not the host of this CA" in result.output) == (1, True)


def test_another_fleet_name_on_the_certificate_is_refused(host):
    client = Client(profile.Profile(host.url, "elsewhere", host.ca.read_text()))
    with pytest.raises(ApiError) as caught:
        client.fleet()
    client.close()
    assert caught.value.code == "tls"


def test_the_address_is_not_what_is_verified(host):
    client = Client(profile.Profile(host.url, FLEET, host.ca.read_text()))
    assert client.fleet()["name"] == FLEET
    client.close()


def test_a_certificate_of_another_ca_is_refused_after_sign_in(host, other_ca):
    client = Client(profile.Profile(host.url, FLEET, other_ca.read_text()))
    with pytest.raises(ApiError) as caught:
        client.fleet()
    client.close()
    assert caught.value.code == "tls"


def test_a_wrong_password_is_one_line(host, mpfleet):
    words = ("login", host.url, "--ca", host.ca, "--email", ADMIN, "--password-stdin")
    result = mpfleet(*words, typed="wrong\n")
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert "bad-credentials" in result.output


@pytest.mark.parametrize("url", ("http://127.0.0.1:1", "127.0.0.1", "https://127.0.0.1:1"))
def test_a_host_that_is_none_is_one_line(mpfleet, url):
    result = mpfleet("login", url, "--email", "x")
    assert (result.exit_code, result.output.count("\n")) == (1, 1)


def test_signed_out_is_signed_out(signed_in):
    assert signed_in("logout").exit_code == 0
    result = signed_in("device", "list")
    assert (result.exit_code, "mpfleet login" in result.output) == (1, True)


def test_signing_out_voids_the_token_on_the_host(host, signed_in, config):
    stored = profile.Profile(**json.loads((config / "default.json").read_text()))
    result = signed_in("logout")
    assert (result.exit_code, result.output) == (0, "signed out\n")
    client = Client(stored)
    with pytest.raises(ApiError, match="bad-credentials"):
        client.get("/me")
    client.close()


def test_signing_out_of_a_host_that_is_gone_says_what_is_left_to_do(host, signed_in, config):
    stored = json.loads((config / "default.json").read_text())
    (config / "default.json").write_text(json.dumps({**stored, "url": "https://127.0.0.1:1"}))
    result = signed_in("logout")
    assert (result.exit_code, result.stdout) == (0, "signed out\n")
    assert "mpfleet token revoke" in result.stderr
    assert not (config / "default.json").exists()


def test_a_damaged_profile_can_be_signed_out(mpfleet, config):
    config.mkdir(parents=True)
    (config / "default.json").write_text("{")
    result = mpfleet("logout")
    assert (result.exit_code, "damaged" in result.stderr) == (0, True)
    assert not (config / "default.json").exists()


def test_a_token_is_revoked_from_another_sign_in(host, signed_in):
    words = ("login", host.url, "--ca", host.ca, "--email", ADMIN, "--password-stdin")
    signed_in("--profile", "lost", *words, "--token-name", "lost", typed=host.password + "\n")
    listed = signed_in("token", "list", json_=True)
    assert [t["name"] for t in listed if t["current"]] == ["mpfleet command line"]
    lost = next(t["id"] for t in listed if t["name"] == "lost")
    assert signed_in("token", "revoke", lost).output == f"token {lost} is void\n"
    assert signed_in("--profile", "lost", "device", "list").exit_code == 1


def test_a_revoked_token_says_what_to_do(host, signed_in, monkeypatch):
    monkeypatch.setenv("MPFLEET_TOKEN", "mpf_gone")
    result = signed_in("device", "list")
    assert (result.exit_code, "sign in again" in result.output) == (1, True)


def test_the_environment_alone_is_enough(host, mpfleet, monkeypatch):
    client = Client(profile.Profile(host.url, FLEET, host.ca.read_text()))
    value = {"email": ADMIN, "password": host.password}
    token = client.send("POST", "/tokens", value)["token"]
    client.close()
    given = {"URL": host.url, "TOKEN": token, "CA": str(host.ca), "FLEET": FLEET}
    for name, text in given.items():
        monkeypatch.setenv(f"MPFLEET_{name}", text)
    assert ADMIN in [one["email"] for one in mpfleet("user", "list", json_=True)]


def test_a_refusal_that_is_no_json_still_has_a_word(host):
    client = Client(profile.Profile(host.url + "/nowhere", FLEET, host.ca.read_text()))
    with pytest.raises(ApiError) as caught:
        client.fleet()
    client.close()
    assert caught.value.status == HTTPStatus.NOT_FOUND


def test_a_forgotten_password_is_replaced_on_the_host_itself(host, signed_in):
    email = "forgetful@garden"
    first = signed_in("user", "add", email, json_=True)["password"]
    words = ("login", host.url, "--ca", host.ca, "--email", email, "--password-stdin")
    signed_in("--profile", "theirs", *words, typed=first + "\n")
    given = signed_in("user", "password", email, "--data", host.folder, json_=True)["password"]
    assert signed_in("--profile", "theirs", "device", "list").exit_code == 1  # signed out
    assert signed_in("--profile", "theirs", *words, typed=first + "\n").exit_code == 1
    assert signed_in("--profile", "theirs", *words, typed=given + "\n").exit_code == 0


def test_nobody_gets_a_password_where_there_is_no_host(mpfleet, tmp_path):
    result = mpfleet("user", "password", ADMIN, "--data", tmp_path / "none")
    assert (result.exit_code, "--data" in result.stderr) == (1, True)
    assert not (tmp_path / "none").exists()
