"""What a running host has once: settings, database, storage; and the session of one request."""

from contextlib import contextmanager
from dataclasses import dataclass

from flask import current_app, g, request
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
_CHANGING = ("POST", "PUT", "PATCH", "DELETE")


class Database:
    """An engine and its sessions: `begin()` for a change, `look()` for what changes nothing."""

    def __init__(self, url):
        self.engine = create_engine(url)
        self._is_sqlite = self.engine.dialect.name == "sqlite"
        if self._is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
        self.sessions = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def begin(self):
        """A session that nobody else writes beside; it commits when its block ends well."""
        with self.sessions.begin() as session:
            self.lock(session)
            yield session

    def look(self):
        """A session that waits for nobody, and keeps nobody waiting while it works on."""
        return self.sessions.begin()

    def lock(self, session):
        """Let nobody else write on SQLite until the session ends; what it has read is read anew.

        Else two sessions that read before they write undo each other: the driver reads outside of
        any transaction, and begins one at the first change. (One begun at the first look would be
        worse: such a transaction may not turn to writing once another one wrote.)
        """
        if self._is_sqlite:
            session.expire_all()
            session.connection().exec_driver_sql("BEGIN IMMEDIATE")

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
    """The session of this request: committed when the answer is no refusal, else rolled back.

    Where the request is for a change, nobody else writes from here on: read its body before.
    """
    found = looking_session()
    if request.method in _CHANGING and not is_locked():
        g.is_locked = True
        host().database.lock(found)
    return found


def looking_session() -> Session:
    """The same, for what takes long before it writes, and does not mind what others do then."""
    if "session" not in g:
        g.session = host().database.session()
    return g.session


def is_locked():
    """Whether this request keeps others from writing, its own further sessions among them."""
    return g.get("is_locked", False)


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
