"""SQLite's part of a backup: a copy of one moment while the host writes; and after a restore."""

import contextlib
import sqlite3
from datetime import UTC, datetime

from alembic.util.exc import CommandError

from host import migrations
from host.backup.errors import BackupError
from host.errors import HostError
from host.extensions import Database
from host.services import events, trust
from host.settings import Settings

_WAIT_S = 30  # for a writer


@contextlib.contextmanager
def moment(path, meanwhile):
    """A connection that sees one moment of the database, and what `meanwhile()` found in it.

    Nobody writes while `meanwhile` runs; then the host goes on, and the copy is made at leisure.
    """
    with contextlib.closing(_connect(path)) as reader:
        with contextlib.closing(_connect(path)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_master").fetchall()
            found = meanwhile()
        yield reader, found


def copy(reader, path):
    """Write what a connection sees into a new file. Raises: BackupError `damaged`."""
    with contextlib.closing(sqlite3.connect(path)) as target:
        reader.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")  # one file, without -wal
        if (said := target.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise _damaged(said)


def is_open_elsewhere(path):
    """Whether a process has the database open: the last one to close it removes its -wal."""
    wal = path.with_name(f"{path.name}-wal")
    if not wal.exists():
        return False
    with contextlib.suppress(sqlite3.DatabaseError), contextlib.closing(_connect(path)) as ours:
        ours.execute("SELECT count(*) FROM sqlite_master").fetchall()
        ours.close()
        return wal.exists()
    return False  # damaged: why one restores


def bring_up(folder, made_at):
    """Bring a restored database up to date, and note that boards may be ahead of it.

    Raises: BackupError `newer-format`, where its tables are of a later mpfleet; `no-metadata`.
    """
    settings = Settings(data_folder=folder)
    try:
        migrations.upgrade(settings)
    except CommandError as error:
        text = f"The database is of a newer mpfleet: update this one first ({error})."
        raise BackupError("newer-format", text) from error
    database = Database(settings.url)
    try:
        with database.begin() as session:
            why = f"from a backup of {made_at}"
            events.add(session, events.HOST, "metadata", "restored", why, now=datetime.now(UTC))
            trust.note_restored(session, trust.Trust(folder))
    except HostError as error:  # metadata that cannot be read
        raise BackupError(error.code, error.message) from error
    finally:
        database.close()


def _connect(path):
    return sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)


def _damaged(said):
    text = f"The database is damaged, a backup of it would be, too: {said.splitlines()[0]}"
    return BackupError("damaged", text)
