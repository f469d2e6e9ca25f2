"""What is made sure of before a host runs."""

import shutil
import socket

import pytest
from sqlalchemy import delete

from host import pki
from host.extensions import Database
from host.models import Signer
from host.serve import handover, prepare
from host.serve.errors import StartError
from host.services import accounts, trust
from host.settings import Settings


@pytest.fixture(autouse=True)
def _quick(quick_keys):
    """Nobody waits for argon2 here."""


@pytest.fixture
def settings(tmp_path):
    return Settings(data_folder=tmp_path / "data", port=0, mqtt_port=0)


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize(("field", "option"), (("port", "--port"), ("mqtt_port", "--mqtt-port")))
def test_a_port_in_use_is_named_with_the_option_that_changes_it(settings, taken, field, option):
    with pytest.raises(StartError, match=f"port {taken} on 127.0.0.1.*in use.*{option}") as raised:
        prepare.ports(settings.model_copy(update={field: taken}))
    assert raised.value.code == "port-in-use"


def test_a_port_for_people_that_is_taken_is_named_too(settings, taken):
    found = {"console_certificate": settings.data_folder / "chain.pem", "console_port": taken}
    with pytest.raises(StartError, match="--console-port"):
        prepare.ports(settings.model_copy(update=found))


def test_a_certificate_that_is_none_is_refused(settings, tmp_path):
    file = tmp_path / "chain.pem"
    file.write_text("none")
    given = {"console_certificate": file, "console_key": file}
    with pytest.raises(StartError, match="no certificate with its key") as raised:
        prepare.prepare(settings.model_copy(update=given))
    assert raised.value.code == "bad-certificate"


def test_a_port_just_left_is_free(settings, taken):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(listener.getsockname()):
            listener.accept()[0].close()  # leaves it in TIME_WAIT
    assert prepare.ports(settings.model_copy(update={"port": port})).port == port


def test_the_broker_s_port_does_not_matter_where_another_broker_serves(settings, taken):
    given = settings.model_copy(update={"broker": "mqtt.lan:8883", "mqtt_port": taken})
    assert prepare.ports(given).mqtt_port == taken


def test_port_0_becomes_a_free_one(settings):
    chosen = prepare.ports(settings)
    assert 0 not in (chosen.port, chosen.mqtt_port)


def test_an_address_that_is_not_this_machine_s_is_refused(settings):
    with pytest.raises(StartError, match=r"192\.0\.2\.1"):
        prepare.ports(settings.model_copy(update={"listen": "192.0.2.1"}))


def test_a_data_folder_serves_one_host_at_a_time(tmp_path):
    with prepare.lock(tmp_path), pytest.raises(StartError, match="--data"):
        prepare.lock(tmp_path)
    prepare.lock(tmp_path).close()


def test_the_first_run_makes_an_admin_and_says_the_password_once(settings, capsys):
    settings.data_folder.mkdir()
    for _ in range(2):
        prepare.prepare(settings)
    said = capsys.readouterr().out
    assert (said.count("password"), said.count("passphrase")) == (1, 1)
    said = said.splitlines()[0]
    database = Database(settings.url)
    with database.begin() as session:
        email, password = said.split()[-3], said.split()[-1]
        user = accounts.sign_in(session, settings, email, password, "127.0.0.1")
        assert (user.email, user.role) == ("admin@mpfleet", "admin")
    database.close()


@pytest.mark.parametrize("role", ("online", "targets", "root"))
def test_a_host_does_not_start_on_keys_that_others_read(settings, role):
    settings.data_folder.mkdir()
    prepare.prepare(settings)
    path = settings.data_folder / "keys" / f"{role}.json"
    path.chmod(0o644)
    with pytest.raises(StartError, match=f"chmod 600 {path}") as raised:
        prepare.prepare(settings)
    assert raised.value.code == "key-exposed"


def test_a_passphrase_that_is_given_is_not_printed(settings, capsys):
    settings.data_folder.mkdir()
    prepare.prepare(settings, "correct horse battery")
    assert "passphrase" not in capsys.readouterr().out
    vault = trust.Trust(settings.data_folder).vault
    assert [key.public_key.keyid for key in vault.held("correct horse battery")] == [
        vault.public("targets").keyid, vault.public("root").keyid,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "mode", "code"),
    (
        ("correct horse\n", 0o640, "key-exposed"),
        ("short\n", 0o600, "bad-request"),
        (None, 0, "no-key"),
    ),
)
def test_a_passphrase_file_that_will_not_do_is_refused(tmp_path, text, mode, code):
    path = tmp_path / "passphrase"
    if text:
        path.write_text(text)
        path.chmod(mode)
    with pytest.raises(StartError) as raised:
        prepare.passphrase_in(path)
    assert raised.value.code == code


def test_an_older_installation_gets_keys_at_its_next_start(settings):
    settings.data_folder.mkdir()
    prepare.prepare(settings)
    for name in ("keys", "metadata"):
        shutil.rmtree(settings.data_folder / name)
    database = Database(settings.url)
    with database.begin() as session:
        session.execute(delete(Signer))
    database.close()
    prepare.prepare(settings)
    assert trust.Trust(settings.data_folder).repository.version()


def test_the_certificate_names_where_the_host_listens_and_is_found(settings):
    settings.data_folder.mkdir()
    given = settings.model_copy(update={"listen": "127.0.0.2", "addresses": ("fleet.lan",)})
    prepare.prepare(given)
    folder = pki.folder_for(given)
    now = pki.authority(folder).not_valid_before_utc
    assert pki.ensure(folder, "mpfleet", ["fleet.lan", "127.0.0.2"], now) is False


def test_what_is_wrong_with_a_certificate_is_why_a_host_does_not_start(settings):
    settings.data_folder.mkdir()
    with pytest.raises(StartError, match="neither an IP address nor a host name"):
        prepare.prepare(settings.model_copy(update={"addresses": ("not a name",)}))


def test_settings_arrive_as_they_were_given(settings, monkeypatch):
    given = settings.model_copy(update={"addresses": ("a.lan", "10.0.0.1"), "workers": 3})
    monkeypatch.setattr("os.environ", handover.give(given))
    assert handover.take() == given
