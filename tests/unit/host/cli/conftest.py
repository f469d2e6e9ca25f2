"""A real host on an ephemeral port, over TLS with its own CA, and the command line to use it."""

import datetime as dt
import json
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from werkzeug.serving import make_server

from host import create_app, migrations, pki, settings
from host.cli import main
from host.extensions import Database
from host.metadata import keys
from host.services import accounts, trust
from host.settings import LIMITS
from tests.boards import board_maker, virtual_board  # noqa: F401 - pytest finds them here

FLEET = "garden"  # not the default: so it shows whether the name is verified
ADMIN = "admin@garden"
PASSPHRASE = "correct horse battery"


@dataclass
class Running:
    """The host, and how to get in."""

    folder: Path
    url: str
    password: str
    database: Database
    settings: settings.Settings

    @property
    def ca(self) -> Path:
        """The file of its CA certificate."""
        return self.folder / "pki/ca.pem"


@pytest.fixture(scope="package")
def host(tmp_path_factory):
    """One host for all: the tests use products and devices of their own."""
    folder = tmp_path_factory.mktemp("host") / "data"
    chosen = settings.load(folder, fleet=FLEET, limits=dict.fromkeys(LIMITS, (10000, 60)))
    migrations.upgrade(chosen)
    pki.ensure_for(chosen, dt.datetime.now(dt.UTC))
    database = Database(chosen.url)
    with database.begin() as session:
        _, password = accounts.create(session, ADMIN, role="admin")
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(keys.KDF, "memory_kib", 64)
            trust.found(session, trust.Trust(folder), PASSPHRASE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "pki" / pki.SERVER_FILE)
    app = create_app(chosen)
    server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=context)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Running(folder, f"https://127.0.0.1:{server.port}", password, database, chosen)
    server.shutdown()
    thread.join()
    server.server_close()
    app.extensions["mpfleet"].database.close()
    database.close()


@pytest.fixture
def config(tmp_path, monkeypatch) -> Path:
    """A configuration folder of our own, no environment, and no data folder beside us."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    for name in ("URL", "TOKEN", "CA", "FLEET", "DATA_FOLDER", "PROFILE", "WIFI_PASSWORD"):
        monkeypatch.delenv(f"MPFLEET_{name}", raising=False)
    return tmp_path / "config/mpfleet"


@pytest.fixture
def mpfleet(config):
    """Run the command line; `json=True` gives what it printed as JSON."""

    def run(*words, typed=None, json_=False) -> Result | object:
        words = [str(word) for word in words] + (["--json"] if json_ else [])
        result = CliRunner().invoke(main, words, input=typed)
        if not json_:
            return result
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return run


@pytest.fixture
def signed_in(host, mpfleet):
    """The same, signed in as the admin."""
    words = ("login", host.url, "--ca", host.ca, "--email", ADMIN, "--password-stdin")
    assert mpfleet(*words, typed=host.password + "\n").exit_code == 0
    return mpfleet
