"""Brings a database to the tables of host.models: `upgrade(settings)`, harmless when repeated."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from host.extensions import Database


def upgrade(settings):
    """Create or bring up to date the database of these settings."""
    database = Database(settings.url)
    try:
        with database.engine.connect() as connection:
            command.upgrade(configuration(connection), "head")
    finally:
        database.close()


def configuration(connection):
    """Alembic's configuration, without an ini file: our folder, and a connection handed in."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config
