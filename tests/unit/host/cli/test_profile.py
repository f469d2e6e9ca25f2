"""Where a sign-in is kept, and what the environment overrides."""

import pytest

from host.cli import profile
from host.cli.profile import Profile, ProfileError

HOME = Profile("https://10.0.0.5:8443", "mpfleet", "PEM", "mpf_1", "me@example.org")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A configuration folder of our own, and no environment."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("URL", "TOKEN", "CA", "FLEET"):
        monkeypatch.delenv(f"MPFLEET_{name}", raising=False)
    return tmp_path / "mpfleet"


def test_only_its_owner_can_read_a_profile(folder):
    place = profile.save("default", HOME)
    assert (place.parent, place.stat().st_mode & 0o777) == (folder, 0o600)


def test_a_profile_comes_back_as_it_was_saved():
    profile.save("default", HOME)
    assert profile.current("default") == HOME


def test_profiles_do_not_mix():
    profile.save("work", HOME)
    assert profile.load("default") is None


def test_nobody_signed_in_says_what_to_do():
    with pytest.raises(ProfileError, match="mpfleet login"):
        profile.current("default")


def test_a_removed_profile_is_gone():
    profile.save("default", HOME)
    assert (profile.remove("default"), profile.remove("default")) == (True, False)


@pytest.mark.parametrize("name", ("../x", "", ".hidden", "a/b"))
def test_a_profile_name_stays_in_its_folder(name):
    with pytest.raises(ProfileError):
        profile.path(name)


def test_a_damaged_profile_says_what_to_do(folder):
    folder.mkdir()
    (folder / "default.json").write_text("{")
    with pytest.raises(ProfileError, match="sign in again"):
        profile.current("default")


def test_a_token_of_the_environment_outranks_the_stored_one(monkeypatch):
    profile.save("default", HOME)
    monkeypatch.setenv("MPFLEET_TOKEN", "mpf_2")
    assert profile.current("default").token == "mpf_2"


def test_the_environment_stands_in_for_a_sign_in(monkeypatch, tmp_path):
    (tmp_path / "ca.pem").write_text("PEM")
    monkeypatch.setenv("MPFLEET_URL", "https://host:8443/")
    monkeypatch.setenv("MPFLEET_TOKEN", "mpf_2")
    monkeypatch.setenv("MPFLEET_CA", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("MPFLEET_FLEET", "lab")
    assert profile.current("default") == Profile("https://host:8443", "lab", "PEM", "mpf_2")


def test_a_stored_token_does_not_go_to_another_host(monkeypatch):
    profile.save("default", HOME)
    monkeypatch.setenv("MPFLEET_URL", "https://elsewhere:8443")
    with pytest.raises(ProfileError, match="not signed in"):
        profile.current("default")


def test_a_host_without_a_ca_is_refused(monkeypatch):
    monkeypatch.setenv("MPFLEET_URL", "https://host:8443")
    monkeypatch.setenv("MPFLEET_TOKEN", "mpf_2")
    with pytest.raises(ProfileError, match="MPFLEET_CA"):
        profile.current("default")
