"""Makes a backup of a data folder, whether its host runs or not."""

import contextlib
import errno
import fcntl
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from host import VERSION, pki, settings
from host.backup import contents, database, sealing
from host.backup.contents import DATABASE, Entry
from host.backup.errors import BackupError

DESCRIPTION = "backup.json"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def save(folder, file, passphrase, *, with_keys=True, force=False, report=lambda _done, _all: 0):
    """Write a backup of a data folder; what is in it, as `backup.json` says it, and its size.

    `report` is told how many bytes of how many are done. Raises: BackupError; then nothing of it
    is left, and an older file of that name is as it was.
    """
    folder, file = Path(folder).resolve(), Path(file).absolute()
    _must_be_host(folder)
    _must_be_free(folder, file, force)
    try:
        kept = settings.load(folder)
        with _new_file(file) as out, _entries(kept, with_keys) as (entries, described):
            count = _write(out, passphrase, [_description(described), *entries], report)
    except sqlite3.Error as error:  # locked by a writer for half a minute, or no database
        raise BackupError("no-database", f"The database cannot be read: {error}.") from error
    except ValidationError as error:
        raise BackupError("damaged", f"settings: {error}") from error
    except pki.PkiError as error:
        raise BackupError(error.code, str(error)) from error
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise BackupError("disk-full", f"There is no room for {file}.") from error
    return {**described, "files": count - 1, "size_bytes": file.stat().st_size}


@contextlib.contextmanager
def _entries(kept, with_keys):
    folder = kept.data_folder
    with contextlib.ExitStack() as stack:
        signed, copied = _moment(stack, kept, with_keys)
        entries = [*signed, *copied, *contents.others(folder, with_keys)]
        fleet, addresses = pki.names(pki.folder_for(kept))  # options of serve are kept nowhere
        yield entries, {
            "format": sealing.FORMAT,
            "version": VERSION,
            "fleet": fleet,
            "addresses": addresses,
            "made_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "keys": with_keys,
            "database": bool(copied),
        }


def _moment(stack, kept, with_keys):
    """Metadata and keys, and a copy of the database as it was when they were read."""
    folder = kept.data_folder

    def signed():
        return contents.signed(folder, with_keys)

    if kept.database_url:  # it has tools of its own
        return signed(), []
    place = folder / DATABASE
    size = place.stat().st_size
    if shutil.disk_usage(folder).free < size + size // 10:
        raise BackupError("disk-full", f"{folder} has no room for a copy of the database.")
    temp = stack.enter_context(tempfile.TemporaryDirectory(prefix=".backup-", dir=folder))
    copy = Path(temp) / DATABASE
    with database.moment(place, signed) as (reader, found):
        database.copy(reader, copy)
    return found, [Entry(DATABASE, place.stat().st_mode & 0o777, copy.stat().st_size, copy)]


def _write(out, passphrase, entries, report):
    total, done, count = sum(entry.size for entry in entries), 0, 0
    sealer = sealing.Sealer(out, passphrase)
    with tarfile.open(fileobj=sealer, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                _add(archive, entry)
                count += 1
            done += entry.size
            report(done, total)
    sealer.close()
    return count


def _add(archive, entry):
    with entry.path.open("rb") if entry.content is None else io.BytesIO(entry.content) as source:
        head = tarfile.TarInfo(entry.name)
        head.mode, head.mtime = entry.mode, int(time.time())
        head.size = entry.size
        if entry.content is None:
            head.size = os.fstat(source.fileno()).st_size
        archive.addfile(head, source)


def _description(described):
    content = json.dumps(described).encode()
    return Entry(DESCRIPTION, 0o600, len(content), None, content)


@contextlib.contextmanager
def _new_file(file):
    """A file that appears under its name, on disk, when the block ends well; else it never was."""
    part = file.with_name(f"{file.name}.part")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as out:
        try:
            fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = f"Another mpfleet backup is writing {part}."
            raise BackupError("exists", text) from None
        try:
            out.truncate()  # of one that was killed
            os.fchmod(out.fileno(), 0o600)
            yield out
            out.flush()
            os.fsync(out.fileno())
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)


def _must_be_host(folder):
    if not (folder / "secret_key").exists():  # every host made one; loading settings would, too
        raise BackupError("no-host", f"{folder} holds no host: say where with --data.")


def _must_be_free(folder, file, force):
    if file.parent.resolve().is_relative_to(folder):
        text = f"{file} is inside of {folder}, which it is to outlive: choose another place."
        raise BackupError("inside-data", text)
    if file.is_dir() or not file.parent.is_dir():
        raise BackupError("no-such-place", f"{file} is not a file in a folder that exists.")
    if file.exists() and not force:
        raise BackupError("exists", f"{file} exists: choose another name, or give --force.")
