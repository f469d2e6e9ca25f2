"""The migrations make exactly the tables that the models describe."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect
from sqlalchemy.exc import IntegrityError

from host import migrations, settings
from host.extensions import Database
from host.models import Assignment, Base
from host.services.clock import utc

NEEDED = {
    "device": {"owner_id", "name", "mac", "model", "registered_at", "last_seen_at", "number"},
    "user": {"email", "password_hash", "created_at"},
    "release": {"product", "number", "version", "description", "parts", "created_at"},
}


def test_models_and_migrations_agree(host):
    with host.database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


@pytest.mark.parametrize(("table", "columns"), NEEDED.items())
def test_what_people_ask_for_is_kept(host, table, columns):
    there = {column["name"] for column in inspect(host.database.engine).get_columns(table)}
    assert columns <= there


def test_upgrading_again_is_harmless(configured, db, device):
    migrations.upgrade(configured)
    db.refresh(device)
    assert device.product == "blink"


def test_a_downgrade_takes_everything_back(tmp_path):
    from alembic import command

    made = settings.load(tmp_path)
    migrations.upgrade(made)
    database = Database(made.url)
    with database.engine.connect() as connection:
        command.downgrade(migrations.configuration(connection), "base")
    assert inspect(database.engine).get_table_names() == ["alembic_version"]
    database.close()


def test_the_database_lets_one_assignment_be_open(db, device, release):
    for _ in range(2):
        db.add(
            Assignment(
                device_id=device.id, release=release, state="offered", created_at=utc(),
                updated_at=utc(),
            )
        )  # fmt: skip
    with pytest.raises(IntegrityError):
        db.flush()


def test_a_time_without_a_zone_is_refused(db, device):
    from sqlalchemy.exc import StatementError

    device.last_seen_at = utc().replace(tzinfo=None)
    with pytest.raises(StatementError):
        db.flush()


def test_sqlite_is_set_up_for_several_workers(host):
    with host.database.engine.connect() as connection:
        pragmas = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "busy_timeout", "foreign_keys")
        ]
    assert pragmas == ["wal", 10000, 1]
