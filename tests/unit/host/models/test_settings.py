"""Where settings come from, and the key that is made once."""

import stat

import pytest
from pydantic import ValidationError

from host import settings


def test_defaults_serve_a_home(tmp_path):
    made = settings.load(tmp_path)
    assert (made.port, made.mqtt_port, made.listen) == (8443, 8883, "127.0.0.1")
    assert made.url == f"sqlite:///{tmp_path}/mpfleet.sqlite"


def test_arguments_outrank_the_environment_and_that_the_file(tmp_path, monkeypatch):
    file = '{"port": 1, "mqtt_port": 1, "fleet": "file"}'
    (tmp_path / "settings.json").write_text(file)
    monkeypatch.setenv("MPFLEET_PORT", "2")
    monkeypatch.setenv("MPFLEET_MQTT_PORT", "2")
    made = settings.load(tmp_path, port=3, mqtt_port=None)
    assert (made.port, made.mqtt_port, made.fleet) == (3, 2, "file")


def test_lists_and_limits_come_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("MPFLEET_ADDRESSES", "10.0.0.2, fleet.lan")
    monkeypatch.setenv("MPFLEET_LIMITS", '{"claim:user": [1, 2]}')
    made = settings.load(tmp_path)
    assert made.addresses == ("10.0.0.2", "fleet.lan")
    assert (made.limit("claim:user"), made.limit("register:all")) == ((1, 2), (300, 3600))


@pytest.mark.parametrize("wrong", ({"port": 99999}, {"colour": "red"}, {"poll_s": 1}), ids=str)
def test_a_wrong_setting_is_refused(tmp_path, wrong):
    with pytest.raises(ValidationError):
        settings.load(tmp_path, **wrong)


def test_settings_travel_to_another_process(tmp_path):
    made = settings.load(tmp_path, addresses=("a", "b"), limits={"claim:user": (1, 2)})
    assert settings.Settings.model_validate_json(made.model_dump_json()) == made


def test_the_secret_key_is_made_once_for_its_owner_only(tmp_path):
    made = settings.load(tmp_path)
    key = made.secret_key()
    mode = stat.S_IMODE((tmp_path / "secret_key").stat().st_mode)
    assert (len(key), mode, made.secret_key()) == (64, 0o600, key)


URLS = (("fleet.lan", "https://fleet.lan:8443"), ("fd00::1", "https://[fd00::1]:8443"))


@pytest.mark.parametrize(("address", "url"), URLS)
def test_people_find_the_host_at_its_first_address(tmp_path, address, url):
    assert settings.load(tmp_path, addresses=(address,)).public_url == url


def test_people_find_the_host_at_the_console_s_address(tmp_path):
    chosen = settings.load(tmp_path, console_url="https://fleet.example.org")
    assert chosen.public_url == "https://fleet.example.org"


@pytest.mark.parametrize("url", ("http://fleet.lan", "https://fleet.lan/", "fleet.lan"))
def test_the_console_s_address_is_https_and_no_more(tmp_path, url):
    with pytest.raises(ValueError, match="console_url"):
        settings.load(tmp_path, console_url=url)


def test_a_console_s_certificate_needs_its_key_and_address(tmp_path):
    with pytest.raises(ValueError, match="console_certificate needs console_key and console_url"):
        settings.load(tmp_path, console_certificate=tmp_path / "chain.pem")
