"""Makes a host of a backup: beside the data folder, which then takes the place in one step."""

import contextlib
import json
import os
import secrets
import shutil
import tarfile
import time
from pathlib import Path, PurePosixPath

from host.backup import contents, database
from host.backup.errors import BackupError
from host.backup.save import DESCRIPTION, FULL
from host.backup.sealing import Unsealer
from host.serve import prepare
from host.serve.errors import StartError

_COPY = 256 * 1024
_FOLDER_MODE = 0o700


def restore(file, folder, passphrase, *, force=False, report=lambda _done, _all: None):
    """Put a backup into a data folder; what `backup.json` says, with `"missing"` and `"before"`.

    Those are the keys that were left out of it, and where the former folder is. Raises:
    BackupError; then the data folder is as it was.
    """
    file, folder = Path(file), Path(folder).resolve()
    _must_be_possible(folder, force)
    with contextlib.ExitStack() as stack:
        if folder.exists() and os.listdir(folder):
            stack.enter_context(_alone(folder))
        new = folder.with_name(f".{folder.name}.restoring-{secrets.token_hex(4)}")
        stack.callback(shutil.rmtree, new, ignore_errors=True)
        try:
            described = _unpack(file, new, passphrase, report)
            if described["database"]:
                database.bring_up(new, described["made_at"])
            _give(new, folder)
            os.sync()
        except tarfile.TarError as error:
            raise _not_of_us(str(error)) from error
        except OSError as error:
            if error.errno not in FULL:
                raise
            raise BackupError("disk-full", f"There is no room for it beside {folder}.") from error
        missing = [] if described["keys"] else _missing(new)
        return {**described, "missing": missing, "before": _swap(new, folder)}


def _must_be_possible(folder, force):
    if os.path.ismount(folder):
        text = f"{folder} is a mount point, which cannot be replaced: restore into a folder in it."
        raise BackupError("mount-point", text)
    if folder.exists() and not folder.is_dir():
        raise BackupError("not-empty", f"{folder} is a file.")
    if folder.exists() and os.listdir(folder) and not force:
        text = f"{folder} is not empty: choose another --data, or give --force to move it aside."
        raise BackupError("not-empty", text)


@contextlib.contextmanager
def _alone(folder):
    """Keep hosts off a folder; one that runs there keeps us off."""
    try:
        with prepare.lock(folder):
            if database.is_open_elsewhere(folder / contents.DATABASE):
                raise _in_use(folder)
            yield
    except StartError:
        raise _in_use(folder) from None


def _in_use(folder):
    return BackupError("data-in-use", f"A host runs on {folder}: end it first.")


def _unpack(file, new, passphrase, report):
    size = file.stat().st_size
    with file.open("rb") as source:
        reader = Unsealer(source, passphrase)
        new.mkdir(parents=True, mode=_FOLDER_MODE)
        with tarfile.open(fileobj=reader, mode="r|") as archive:
            members = iter(archive)
            described = _describe(archive, next(members, None))
            for member in members:
                _extract(archive, member, new)
                report(source.tell(), size)
        while reader.read(_COPY):  # to the end, which is verified, too
            pass
    return described


def _describe(archive, member):
    if member is None or member.name != DESCRIPTION:
        raise _not_of_us(f"it does not begin with {DESCRIPTION}")
    return json.loads(archive.extractfile(member).read())


def _extract(archive, member, new):
    name = PurePosixPath(member.name)
    if not member.isreg() or name.is_absolute() or ".." in name.parts:
        raise _not_of_us(f"it holds {member.name!r}")
    path = new / name
    for folder in reversed(path.relative_to(new).parents[:-1]):
        (new / folder).mkdir(exist_ok=True, mode=_FOLDER_MODE)
    mode = member.mode & (0o600 if contents.is_key(member.name) else 0o755)
    source = archive.extractfile(member)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        shutil.copyfileobj(source, out, _COPY)
        os.fchmod(out.fileno(), mode)


def _not_of_us(why):
    return BackupError("not-a-backup", f"The file is sealed like a backup, but is none: {why}.")


def _give(new, folder):
    """Who owned the folder owns what is in it: a host need not run as who restores."""
    if os.geteuid() != 0 or not folder.exists():
        return
    owner = folder.stat()
    for path in (new, *new.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)


def _missing(new):
    """What a host without keys needs before it starts again."""
    return ["pki/ca.key"] + (["keys/"] if (new / "metadata").exists() else [])


def _swap(new, folder):
    before = None
    if folder.exists() and os.listdir(folder):
        before = folder.with_name(f"{folder.name}.before-{time.strftime('%Y%m%d-%H%M%S')}")
        folder.rename(before)
    try:
        new.rename(folder)  # over an empty folder, or nothing
    except OSError:
        if before:
            before.rename(folder)
        raise
    return str(before) if before else None
