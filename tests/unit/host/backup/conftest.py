"""A data folder as a host leaves it, and a quick way from passphrase to key."""

import contextlib
import datetime as dt
import io
import json
import resource

import pytest
from host_samples import MAIN, PASSPHRASE, sha256

from host import pki
from host.backup import sealing
from host.backup.restore import restore
from host.backup.save import save
from host.storage import Storage


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(sealing, "KDF", {**sealing.KDF, "memory_kib": 64, "iterations": 1})


@pytest.fixture
def folder(trusted_host, configured):
    """A data folder with something of each kind."""
    place = configured.data_folder
    configured.secret_key()
    pki.ensure(place / "pki", "garden", ["host.lan", "10.0.0.5"], dt.datetime.now(dt.UTC))
    Storage(configured.blob_folder).put(sha256(MAIN), io.BytesIO(MAIN), len(MAIN))
    (place / "settings.json").write_text('{"workers": 1}')
    return place


@pytest.fixture
def file(tmp_path):
    """Where the backup goes."""
    return tmp_path / "fleet.backup"


@pytest.fixture
def back_up(folder, file):
    """Make a backup of the folder."""
    return lambda **more: save(folder, file, PASSPHRASE, **more)


@pytest.fixture
def put_back(file, tmp_path):
    """Restore it into a folder of that name."""

    def put_back(name="restored", passphrase=PASSPHRASE, **more):
        return restore(file, tmp_path / name, passphrase, **more)

    return put_back


@pytest.fixture
def full_disk():
    """`with full_disk(n):` no file grows over n bytes, as if the disk were full then."""

    @contextlib.contextmanager
    def full_disk(size_bytes):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return full_disk


@pytest.fixture
def archive(file):
    """Seal an archive of somebody's own making, (TarInfo, content) each."""
    import tarfile

    def archive(*members):
        with file.open("wb") as out:
            sealer = sealing.Sealer(out, PASSPHRASE)
            with tarfile.open(fileobj=sealer, mode="w|") as made:
                for info, content in members:
                    info.size = len(content)
                    made.addfile(info, io.BytesIO(content))
            sealer.close()

    description = tarfile.TarInfo("backup.json")
    archive.description = description, json.dumps({"database": False, "keys": True}).encode()
    return archive
