"""What a running host has once: settings, database, storage; and the session of one request."""

from dataclasses import dataclass

from flask import current_app, g
from sqlalchemy import create_engine, event
from sqlalchemy.orm import Session, sessionmaker

from host.services.checkin import CheckIns
from host.services.trust import Trust
from host.settings import Settings
from host.storage import Storage

_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode = WAL",  # readers do not wait for the writer
    "PRAGMA synchronous = NORMAL",  # with WAL a power cut may lose the last commit, no more
    "PRAGMA busy_timeout = 10000",  # ms a writer waits for another one
    "PRAGMA foreign_keys = ON",
)

_FIRST_REFUSAL = 400  # HTTP statuses from here on


class Database:
    """An engine and its sessions.

    `with database.begin() as session:` commits at the end, or rolls back if an error leaves it.
    """

    def __init__(self, url):
        self.engine = create_engine(url)
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _prepare_sqlite)
        self.sessions = sessionmaker(self.engine, expire_on_commit=False)

    def begin(self):
        """A session that commits when its block ends well."""
        return self.sessions.begin()

    def session(self) -> Session:
        """A bare session: whoever takes it commits and closes it."""
        return self.sessions()

    def close(self):
        """Close the connections that are not in use."""
        self.engine.dispose()


@dataclass(frozen=True)
class Host:
    """What requests share."""

    settings: Settings
    database: Database
    storage: Storage
    check_ins: CheckIns
    trust: Trust


def install(app, settings):
    """Give an application its database and storage, and each request its session."""
    database = Database(settings.url)
    storage = Storage(settings.blob_folder)
    check_ins, store = CheckIns(database.engine), Trust(settings.data_folder)
    host = Host(settings, database, storage, check_ins, store)
    app.extensions["mpfleet"] = host
    app.after_request(_end_transaction)
    app.teardown_request(_close_session)
    return host


def host() -> Host:
    """The host that this request belongs to."""
    return current_app.extensions["mpfleet"]


def session() -> Session:
    """The session of this request: committed when the answer is no refusal, else rolled back."""
    if "session" not in g:
        g.session = host().database.session()
    return g.session


def keep_changes():
    """This request is refused, yet what it wrote counts (an attempt, a conflict)."""
    g.keeps_changes = True


def _end_transaction(response):
    if "session" in g:
        is_kept = response.status_code < _FIRST_REFUSAL or g.get("keeps_changes")
        (g.session.commit if is_kept else g.session.rollback)()
    return response


def _close_session(_error):
    if "session" in g:
        g.session.close()


def _prepare_sqlite(connection, _record):
    cursor = connection.cursor()
    for pragma in _SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()
