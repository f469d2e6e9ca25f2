"""The database handle that an application, bridge or command holds; made from settings."""

from sqlalchemy import create_engine, event
from sqlalchemy.orm import Session, sessionmaker

_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode = WAL",  # readers do not wait for the writer
    "PRAGMA synchronous = NORMAL",  # with WAL a power cut may lose the last commit, no more
    "PRAGMA busy_timeout = 10000",  # ms a writer waits for another one
    "PRAGMA foreign_keys = ON",
)


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


def _prepare_sqlite(connection, _record):
    cursor = connection.cursor()
    for pragma in _SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()
