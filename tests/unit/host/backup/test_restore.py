"""A host of a backup: all of it in its place, or nothing changed."""

import contextlib
import os
import sqlite3
import tarfile

import pytest
from host_samples import PASSPHRASE, make_user

from host.backup.errors import BackupError
from host.extensions import Database
from host.models import Event, User
from host.serve import prepare
from host.services import proposals, trust
from host.settings import Settings


def files(folder):
    """Every file of a folder with its mode and its bytes, without database and locks."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mode & 0o777, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
        and not path.name.startswith("mpfleet.sqlite")
        and not path.name.endswith(".lock")
    }


def left(folder):
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def refusal(put_back, *given, **more):
    """The word with which a restore is refused."""
    with pytest.raises(BackupError) as caught:
        put_back(*given, **more)
    return caught.value.code


def test_all_comes_back_with_its_mode(back_up, put_back, folder, tmp_path):
    back_up()
    assert put_back()["fleet"] == "garden"
    assert files(tmp_path / "restored") == files(folder)


def test_folders_are_for_their_owner_only(back_up, put_back, tmp_path):
    back_up()
    put_back()
    restored = tmp_path / "restored"
    places = (restored, *(path for path in restored.rglob("*") if path.is_dir()))
    assert {path.stat().st_mode & 0o777 for path in places} == {0o700}


def test_a_key_that_others_could_read_no_longer_can_be(back_up, put_back, folder, tmp_path):
    (folder / "keys/root.json").chmod(0o644)
    back_up()
    put_back()
    assert (tmp_path / "restored/keys/root.json").stat().st_mode & 0o777 == 0o600


def test_the_database_is_up_to_date_and_says_where_it_is_from(back_up, put_back, tmp_path):
    made_at = back_up()["made_at"]
    put_back()
    database = Database(Settings(data_folder=tmp_path / "restored").url)
    with database.begin() as session:
        event = session.query(Event).filter_by(what="restored").one()
        assert event.why == f"from a backup of {made_at}"
    database.close()


def test_a_host_starts_from_it(back_up, put_back, configured, tmp_path, capsys):
    database = Database(configured.url)
    prepare.prepare(configured)
    back_up()
    put_back()
    capsys.readouterr()
    prepare.prepare(configured.model_copy(update={"data_folder": tmp_path / "restored"}))
    assert capsys.readouterr().out == ""  # no new admin, nothing made anew
    database.close()


@pytest.fixture
def restored(back_up, put_back, tmp_path):
    """The store of a restored host, and a session with an admin: (store, session, admin)."""
    back_up()
    put_back()
    database = Database(Settings(data_folder=tmp_path / "restored").url)
    with database.session() as session:
        admin = session.get(User, make_user(session, "a@b.c", "admin").id)
        yield trust.Trust(tmp_path / "restored"), session, admin
    database.close()


def test_snapshot_and_timestamp_are_signed_anew_at_once_after_a_restore(restored):
    store, session, _ = restored
    before = store.repository.versions()
    signed = [trust.renew(session, store) for _ in range(2)]
    after = store.repository.versions()
    assert signed == [True, False]
    assert all(after[role] > before[role] for role in ("snapshot", "timestamp"))


def test_an_alarm_rings_until_somebody_signs_above_what_boards_may_trust(
    restored, configured, quick_keys
):
    store, session, admin = restored
    before = store.repository.versions()["targets"]
    (alarm,) = trust.alarms(session, store)
    proposal = proposals.propose(session, store, admin, "renew")
    proposals.sign_held(session, configured, store, proposal, admin, PASSPHRASE)
    assert (f"up to {before + 1000}" in alarm, trust.alarms(session, store)) == (True, [])
    assert store.repository.versions()["targets"] == before + 1001


def test_metadata_that_cannot_be_read_are_not_restored(back_up, put_back, folder):
    (folder / "metadata/timestamp.json").write_text("{}")
    back_up()
    assert refusal(put_back) == "no-metadata"


def test_keys_left_out_are_asked_for(back_up, put_back, folder, tmp_path):
    back_up(with_keys=False)
    assert put_back()["missing"] == ["pki/ca.key", "keys/"]
    gone = {"pki/ca.key", "pki/server.pem", "secret_key"}
    gone |= {f"keys/{role}.json" for role in ("online", "root", "targets")}
    assert set(files(folder)) - set(files(tmp_path / "restored")) == gone


def test_an_empty_folder_is_taken(back_up, put_back, tmp_path):
    back_up()
    (tmp_path / "restored").mkdir()
    assert put_back()["before"] is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_who_owned_the_folder_owns_what_is_in_it(back_up, put_back, tmp_path):
    back_up()
    (tmp_path / "restored").mkdir()
    os.chown(tmp_path / "restored", 12345, 12346)
    put_back()
    owners = {
        (path.stat().st_uid, path.stat().st_gid) for path in (tmp_path / "restored").rglob("*")
    }
    assert owners == {(12345, 12346)}


def test_what_is_there_is_not_touched_unless_told(back_up, put_back, tmp_path):
    back_up()
    (tmp_path / "restored").mkdir()
    (tmp_path / "restored/mine").touch()
    assert refusal(put_back) == "not-empty"
    assert left(tmp_path / "restored") == ["mine"]


def test_what_was_there_is_moved_aside(back_up, put_back, folder):
    back_up()
    (folder / "mine").touch()
    before = put_back("host", force=True)["before"]
    assert ("mine" in left(folder), "mine" in os.listdir(before)) == (False, True)


def test_a_file_is_no_folder(back_up, put_back, file):
    back_up()
    assert refusal(put_back, file.name) == "not-empty"


def test_a_mount_point_cannot_be_replaced(back_up, put_back):
    back_up()
    assert refusal(put_back, "/proc", force=True) == "mount-point"


def test_a_host_that_runs_keeps_its_folder(back_up, put_back, folder):
    back_up()
    with prepare.lock(folder):
        assert refusal(put_back, "host", force=True) == "data-in-use"


def test_a_process_of_it_alone_does_so_too(back_up, put_back, folder):
    back_up()
    with contextlib.closing(sqlite3.connect(folder / "mpfleet.sqlite")) as process:
        process.execute("PRAGMA journal_mode = WAL")
        process.execute("CREATE TABLE busy (n)")
        assert refusal(put_back, "host", force=True) == "data-in-use"
    assert put_back("host", force=True)["before"]


def test_a_damaged_database_is_replaced(back_up, put_back, folder):
    back_up()
    (folder / "mpfleet.sqlite").write_bytes(b"no database")
    (folder / "mpfleet.sqlite-wal").write_bytes(b"nor this")
    assert put_back("host", force=True)["before"]


def hurt(file, change):
    content = bytearray(file.read_bytes())
    file.write_bytes(change(content))


def flip(content):
    content[len(content) // 2] ^= 1
    return content


HURTS = {
    "cut short": (lambda content: content[:-1], "truncated"),
    "half": (lambda content: content[: len(content) // 2], "truncated"),
    "flipped": (flip, "damaged"),
    "empty": (lambda content: b"", "not-a-backup"),
    "other": (lambda content: b"PK" + content, "not-a-backup"),
    "newer": (lambda content: content.replace(b'"format": 1', b'"format": 2'), "newer-format"),
}


@pytest.mark.parametrize(("change", "word"), HURTS.values(), ids=HURTS)
def test_a_file_that_is_not_good_changes_nothing(back_up, put_back, file, tmp_path, change, word):
    back_up()
    hurt(file, change)
    assert refusal(put_back) == word
    assert left(tmp_path) == ["fleet.backup", "host"]


def test_a_wrong_passphrase_changes_nothing(back_up, put_back, tmp_path):
    back_up()
    assert refusal(put_back, passphrase="wrong") == "wrong-passphrase"
    assert left(tmp_path) == ["fleet.backup", "host"]


def test_a_database_of_a_newer_mpfleet_asks_for_an_update(back_up, put_back, folder, tmp_path):
    with contextlib.closing(sqlite3.connect(folder / "mpfleet.sqlite")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    back_up()
    assert refusal(put_back) == "newer-format"
    assert left(tmp_path) == ["fleet.backup", "host"]


def special(name, kind):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc"
    return info


STRANGE = {
    "leaves the folder": tarfile.TarInfo("../outside"),
    "absolute": tarfile.TarInfo("/outside"),
    "deeper": tarfile.TarInfo("blobs/../../outside"),
    "link": special("blobs", tarfile.SYMTYPE),
    "device": special("blobs", tarfile.CHRTYPE),
    "folder": special("blobs", tarfile.DIRTYPE),
}


@pytest.mark.parametrize("member", STRANGE.values(), ids=STRANGE)
def test_an_archive_of_somebody_else_puts_nothing_elsewhere(archive, put_back, tmp_path, member):
    archive(archive.description, (member, b""))
    assert refusal(put_back) == "not-a-backup"
    assert left(tmp_path) == ["fleet.backup"]


def test_an_archive_without_a_description_is_none(archive, put_back):
    archive((tarfile.TarInfo("settings.json"), b"{}"))
    assert refusal(put_back) == "not-a-backup"


def interrupt(_done, _total):
    raise KeyboardInterrupt


def test_ctrl_c_leaves_the_folder_as_it_was(back_up, put_back, folder, tmp_path):
    back_up()
    before = files(folder)
    with pytest.raises(KeyboardInterrupt):
        put_back("host", force=True, report=interrupt)
    assert files(folder) == before
    assert left(tmp_path) == ["fleet.backup", "host"]


def test_a_full_disk_leaves_nothing_half(back_up, put_back, folder, tmp_path, full_disk):
    (folder / "blobs/large").write_bytes(os.urandom(1 << 20))
    back_up()
    with full_disk(1 << 19):
        assert refusal(put_back) == "disk-full"
    assert left(tmp_path) == ["fleet.backup", "host"]
