"""`mpfleet backup` and `restore` as a person types them."""

import pytest

from host.backup import sealing

PASSPHRASE = "correct horse"
TWICE = f"{PASSPHRASE}\n{PASSPHRASE}\n"


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(sealing, "KDF", {**sealing.KDF, "memory_kib": 64, "iterations": 1})


@pytest.fixture
def folder(host):
    """The data folder of a host that runs, which would have made this file at its start."""
    host.settings.secret_key()
    return host.folder


@pytest.fixture
def secret(tmp_path):
    """A file with the passphrase."""
    (tmp_path / "secret").write_text(f"{PASSPHRASE}\nsecond line\n")
    return tmp_path / "secret"


def test_a_passphrase_is_asked_for_twice_then_once(mpfleet, folder, tmp_path):
    made = mpfleet("backup", "fleet.backup", "--data", folder, typed=TWICE)
    assert (made.exit_code, PASSPHRASE in made.output) == (0, False)
    done = mpfleet("restore", "fleet.backup", "--data", "new", typed=f"{PASSPHRASE}\n")
    assert done.exit_code == 0
    assert done.stdout.endswith("mpfleet serve --data new --name garden\n")
    assert (tmp_path / "new/pki/ca.key").exists()


def test_two_that_differ_are_asked_for_again(mpfleet, folder):
    typed = f"{PASSPHRASE}\nanother one\n{TWICE}"
    assert mpfleet("backup", "fleet.backup", "--data", folder, typed=typed).exit_code == 0


@pytest.mark.parametrize("short", ("", "1234567"))
def test_a_short_passphrase_is_wrong_usage(mpfleet, folder, tmp_path, short):
    (tmp_path / "secret").write_text(short)
    words = ("--data", folder, "--passphrase-file", tmp_path / "secret")
    result = mpfleet("backup", "fleet.backup", *words)
    assert (result.exit_code, "8 characters" in result.stderr) == (2, True)


def test_programs_are_told_what_was_done(mpfleet, folder, secret):
    words = ("--data", folder, "--passphrase-file", secret)
    made = mpfleet("backup", "fleet.backup", *words, json_=True)
    words = ("--data", "new", "--passphrase-file", secret)
    done = mpfleet("restore", "fleet.backup", *words, json_=True)
    assert (made["keys"], made["fleet"], done["made_at"]) == (True, "garden", made["made_at"])


def test_what_was_left_out_is_said_both_times(mpfleet, folder, secret):
    given = ("--passphrase-file", secret)
    made = mpfleet("backup", "fleet.backup", "--data", folder, "--without-keys", *given)
    done = mpfleet("restore", "fleet.backup", "--data", "new", *given)
    assert ("without the private keys" in made.stdout, "pki/ca.key" in done.stdout) == (True, True)


def test_a_database_elsewhere_is_said_not_to_be_in_it(mpfleet, folder, secret, monkeypatch):
    monkeypatch.setenv("MPFLEET_DATABASE_URL", "postgresql://fleet@db/fleet")
    given = ("--passphrase-file", secret)
    made = mpfleet("backup", "fleet.backup", "--data", folder, *given)
    done = mpfleet("restore", "fleet.backup", "--data", "new", *given)
    assert ("WITHOUT THE DATABASE" in made.stdout, "pg_restore" in done.stdout) == (True, True)


def test_a_refusal_is_one_line(mpfleet, folder, secret):
    words = ("--data", folder, "--passphrase-file", secret)
    mpfleet("backup", "fleet.backup", *words)
    for command in ("backup", "restore"):
        result = mpfleet(command, "fleet.backup", *words)
        assert (result.exit_code, result.output.count("\n"), "--force" in result.output) == (
            1,
            1,
            True,
        )
