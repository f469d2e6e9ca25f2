"""Making a backup, of a host that runs, too."""

import contextlib
import os
import sqlite3

import pytest
from host_samples import PASSPHRASE

from host.backup import contents, database
from host.backup.errors import BackupError
from host.backup.save import save


@pytest.fixture
def notes(tmp_path):
    """Metadata of several turns, none of them real."""
    place = tmp_path / "notes"
    (place / "metadata").mkdir(parents=True)
    for name in ("timestamp", "2.snapshot", "1.root", "3.targets", "2.blink"):
        (place / f"metadata/{name}.json").touch()
    return place


def tables(path):
    """The names of a database's tables."""
    with contextlib.closing(sqlite3.connect(path)) as opened:
        found = opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {name for (name,) in found}


def names(folder):
    """What a backup takes of a folder, beside the database."""
    entries = [*contents.signed(folder, True), *contents.others(folder, True)]
    return [entry.name for entry in entries]


def left(folder):
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_it_says_what_is_in_it(back_up, file):
    made = back_up()
    assert (made["fleet"], made["keys"], made["database"]) == ("garden", True, True)
    assert made["addresses"] == ["host.lan", "10.0.0.5"]
    assert made["size_bytes"] == file.stat().st_size


def test_it_is_for_its_owner_only(back_up, file):
    file.with_name("fleet.backup.part").touch(0o644)  # of one that was killed
    back_up()
    assert file.stat().st_mode & 0o777 == 0o600


def test_it_leaves_nothing_in_the_data_folder(back_up, folder):
    before = left(folder)
    back_up()
    assert left(folder) == before


PASSING = (
    "serve.lock", "prepare.lock", "metadata/.lock", "settings.json.new", "boards/one/flash.bin",
    "blobs/ab/cd.ef.patch", "mpfleet.sqlite-wal", ".backup-x/mpfleet.sqlite",
)  # fmt: skip


@pytest.mark.parametrize("name", PASSING)
def test_what_is_of_the_moment_or_made_anew_is_left_out(folder, name):
    before = names(folder)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).touch()
    assert names(folder) == before


def test_a_file_that_nobody_thought_of_is_taken(folder):
    (folder / "queue").mkdir()
    (folder / "queue/job").touch()
    assert "queue/job" in names(folder)


def test_blobs_on_another_disk_are_taken(folder, tmp_path):
    before = names(folder)
    (folder / "blobs").rename(tmp_path / "elsewhere")
    (folder / "blobs").symlink_to(tmp_path / "elsewhere")
    assert names(folder) == before


def test_what_vouches_is_read_before_what_it_vouches_for(notes):
    read = [entry.name for entry in contents.signed(notes, False)]
    parts = ("timestamp", "2.snapshot", "1.root", "3.targets", "2.blink")
    assert read == [f"metadata/{part}.json" for part in parts]


def test_what_is_published_meanwhile_is_taken_with_all_it_speaks_of(notes, monkeypatch):
    read = contents._read

    def publish(place, name):
        if name == "metadata/2.snapshot.json":
            (place / "metadata/4.targets.json").touch()
            (place / "metadata/3.snapshot.json").touch()
        return read(place, name)

    monkeypatch.setattr(contents, "_read", publish)
    taken = [entry.name for entry in contents.signed(notes, False)]
    assert ("metadata/4.targets.json" in taken, "metadata/3.snapshot.json" in taken) == (
        True,
        False,
    )


def test_metadata_that_is_removed_meanwhile_is_left_out(notes, monkeypatch):
    read = contents._read

    def tidy(place, name):
        (place / "metadata/2.snapshot.json").unlink(missing_ok=True)
        return read(place, name)

    monkeypatch.setattr(contents, "_read", tidy)
    assert "metadata/2.snapshot.json" not in [e.name for e in contents.signed(notes, False)]


def test_the_database_is_of_the_moment_in_which_the_metadata_were_read(folder, tmp_path):
    place = folder / "mpfleet.sqlite"
    with (
        database.moment(place, lambda: "read") as (reader, found),
        contextlib.closing(sqlite3.connect(place, timeout=0)) as host,
    ):
        host.execute("CREATE TABLE later (n)")  # the host does not wait for the copy
        database.copy(reader, tmp_path / "copy")
    assert (found, "later" in tables(place)) == ("read", True)
    assert ("later" in tables(tmp_path / "copy"), "user" in tables(tmp_path / "copy")) == (
        False,
        True,
    )


def test_nobody_writes_while_the_metadata_are_read(folder):
    def write():
        with contextlib.closing(sqlite3.connect(folder / "mpfleet.sqlite", timeout=0)) as host:
            host.execute("CREATE TABLE later (n)")

    with pytest.raises(sqlite3.OperationalError, match="locked"):
        database.moment(folder / "mpfleet.sqlite", write).__enter__()


def test_a_damaged_database_makes_no_backup(back_up, folder, file):
    with (folder / "mpfleet.sqlite").open("r+b") as damaged:
        damaged.seek(4096)
        damaged.write(os.urandom(40_000))
    with pytest.raises(BackupError) as caught:
        back_up()
    assert (caught.value.code, file.exists()) == ("damaged", False)


def test_a_file_that_is_no_database_is_said(back_up, folder):
    (folder / "mpfleet.sqlite").write_bytes(b"no database")
    with pytest.raises(BackupError) as caught:
        back_up()
    assert caught.value.code == "no-database"


def test_another_database_is_said_not_to_be_in_it(back_up, folder):
    (folder / "settings.json").write_text('{"database_url": "postgresql://fleet@db/fleet"}')
    assert back_up()["database"] is False


def test_settings_that_cannot_be_read_are_said(back_up, folder):
    (folder / "settings.json").write_text('{"colour": "red"}')
    with pytest.raises(BackupError, match="colour"):
        back_up()


def test_a_certificate_that_is_gone_is_said(back_up, folder):
    (folder / "pki/server.pem").unlink()
    with pytest.raises(BackupError, match=r"server\.pem is missing"):
        back_up()


def test_an_older_backup_is_replaced_only_if_told(back_up, file):
    file.write_bytes(b"older")
    with pytest.raises(BackupError, match="--force"):
        back_up()
    assert file.read_bytes() == b"older"
    back_up(force=True)
    assert file.read_bytes()[:4] == b"MPK1"


def test_a_folder_without_a_host_is_not_made_one(tmp_path, file):
    with pytest.raises(BackupError) as caught:
        save(tmp_path / "none", file, PASSPHRASE)
    assert (caught.value.code, (tmp_path / "none").exists()) == ("no-host", False)


@pytest.mark.parametrize("place", ("host", "host/blobs", "link"))
def test_a_backup_does_not_lie_in_what_it_is_to_outlive(folder, place):
    (folder.parent / "link").symlink_to(folder)
    with pytest.raises(BackupError) as caught:
        save(folder, folder.parent / place / "fleet.backup", PASSPHRASE)
    assert caught.value.code == "inside-data"


@pytest.mark.parametrize("place", (".", "no/such/fleet.backup"))
def test_a_place_that_is_none_is_said(folder, tmp_path, place):
    with pytest.raises(BackupError) as caught:
        save(folder, tmp_path / place, PASSPHRASE)
    assert caught.value.code == "no-such-place"


def test_two_do_not_write_one_file(back_up, file):
    def second(_done, _total):
        with pytest.raises(BackupError, match="Another"):
            back_up()

    back_up(report=second)
    assert file.exists()


def interrupt(_done, _total):
    raise KeyboardInterrupt


def test_ctrl_c_leaves_an_older_backup_as_it_was(back_up, folder, file):
    file.write_bytes(b"older")
    before = left(folder)
    with pytest.raises(KeyboardInterrupt):
        back_up(force=True, report=interrupt)
    assert (file.read_bytes(), left(folder)) == (b"older", before)
    assert left(file.parent) == ["fleet.backup", "host"]


def test_a_full_disk_leaves_nothing_half(back_up, folder, file, full_disk):
    (folder / "blobs/large").write_bytes(os.urandom(1 << 20))
    with full_disk(1 << 20), pytest.raises(BackupError) as caught:
        back_up()
    assert (caught.value.code, left(file.parent)) == ("disk-full", ["host"])


def test_what_is_done_is_told_as_it_goes(back_up):
    told = []
    back_up(report=lambda done, total: told.append((done, total)))
    assert (told[-1][0], told == sorted(told), len({total for _, total in told})) == (
        told[-1][1],
        True,
        1,
    )
