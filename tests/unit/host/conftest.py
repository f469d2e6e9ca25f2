"""A host of its own for each test: a data folder, a migrated SQLite file, people and boards."""

import shutil

import pytest
from argon2 import PasswordHasher
from flask.testing import FlaskClient
from host_samples import (
    DEVICE_ID,
    MAIN,
    PASSPHRASE,
    SECRET,
    encode,
    make_device,
    make_user,
    manifest_value,
    sha256,
)

from host import create_app, settings
from host.extensions import Database
from host.metadata import keys
from host.migrations import upgrade
from host.models import Release
from host.services import accounts, trust


class Client(FlaskClient):
    """A client over TLS that reads each answer to its end, so that files are closed."""

    def open(self, *args, **more):
        """Send a request."""
        return super().open(*args, buffered=True, base_url="https://localhost", **more)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """A migrated database, made once and copied."""
    made = settings.load(tmp_path_factory.mktemp("template"))
    upgrade(made)
    return made.data_folder / "mpfleet.sqlite"


@pytest.fixture
def limits():
    """Rate limits a test sets its own of."""
    return {}


@pytest.fixture
def more():
    """Further settings that a test wants."""
    return {}


@pytest.fixture
def configured(tmp_path, empty_database, limits, more):
    """Settings of a data folder with an empty database."""
    folder = tmp_path / "host"
    folder.mkdir()
    shutil.copy(empty_database, folder / "mpfleet.sqlite")
    return settings.load(folder, limits=limits, addresses=("host.lan",), **more)


@pytest.fixture
def app(configured):
    """The application."""
    made = create_app(configured)
    yield made
    made.extensions["mpfleet"].database.close()


@pytest.fixture
def host(app):
    """Settings, database and storage of the application."""
    return app.extensions["mpfleet"]


@pytest.fixture
def db(host):
    """A session for looking and arranging; whoever arranges commits."""
    with host.database.session() as session:
        yield session


@pytest.fixture
def client(app):
    """A browser or command line."""
    app.test_client_class = Client
    return app.test_client()


@pytest.fixture
def alice(db):
    """An operator."""
    return make_user(db, "alice@example.com", "operator")


@pytest.fixture
def bob(db):
    """Another operator."""
    return make_user(db, "bob@example.com", "operator")


@pytest.fixture
def admin(db):
    """An admin."""
    return make_user(db, "admin@example.com", "admin")


@pytest.fixture
def viewer(db):
    """Somebody who may look only."""
    return make_user(db, "viewer@example.com", "viewer")


@pytest.fixture
def device(db, alice):
    """Alice's board."""
    return make_device(db, alice)


@pytest.fixture
def board():
    """What Alice's board sends along."""
    return {"Authorization": f"Bearer {DEVICE_ID}:{SECRET}"}


@pytest.fixture
def upload(client, alice):
    """Uploads a release through the API; its manifest's bytes."""

    def upload(number=2, files=None, **fields):
        files = {"app/main.mpy": MAIN} if files is None else files
        content = encode(manifest_value(number, files, **fields))
        answer = client.post("/api/v1/releases", data=content, headers=alice.headers)
        assert answer.status_code == 201, answer.json
        for blob in files.values():
            url = f"/api/v1/blobs/{sha256(blob)}"
            assert client.put(url, data=blob, headers=alice.headers).status_code == 200
        url = f"/api/v1/releases/blink/{number}/complete"
        assert client.post(url, headers=alice.headers).status_code == 200
        return content

    return upload


@pytest.fixture
def release(db, upload):
    """Release 2 of blink, which may be assigned."""
    upload()
    release = db.query(Release).one()
    release.state = "approved"
    db.commit()
    return release


@pytest.fixture(scope="session", autouse=True)
def passwords():
    """Passwords that are hashed at once; what hashes them for people, to look at."""
    with pytest.MonkeyPatch.context() as patch:
        for_people = accounts._HASHER
        patch.setattr(accounts, "_HASHER", PasswordHasher(1, 64, 1))
        yield for_people


@pytest.fixture(scope="session")
def quick_keys():
    """Key files that open at once: what a passphrase costs is measured where it matters."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(keys.KDF, "memory_kib", 64)
        patch.setitem(keys.KDF, "iterations", 1)
        yield


@pytest.fixture(scope="session")
def founded(tmp_path_factory, empty_database, quick_keys):
    """The data folder of a fleet with keys and first metadata, made once and copied."""
    folder = tmp_path_factory.mktemp("founded")
    shutil.copy(empty_database, folder / "mpfleet.sqlite")
    database = Database(settings.load(folder).url)
    with database.begin() as session:
        trust.found(session, trust.Trust(folder), PASSPHRASE)
    database.close()
    return folder


@pytest.fixture
def trusted_host(configured, founded):
    """The host's folder, with keys and metadata: asked for before `app`."""
    for name in ("mpfleet.sqlite", "keys", "metadata"):
        copy = shutil.copy if name.endswith("sqlite") else shutil.copytree
        copy(founded / name, configured.data_folder / name)
    return configured


@pytest.fixture
def approver(db):
    """Somebody who approves releases."""
    return make_user(db, "approver@example.com", "approver")
