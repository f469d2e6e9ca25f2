"""The migrations make exactly the tables that the models describe."""

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect
from sqlalchemy.exc import IntegrityError

from host import migrations, settings
from host.extensions import Database
from host.models import Assignment, Base, Device, Report, Token
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
    made = settings.load(tmp_path)
    migrations.upgrade(made)
    database = Database(made.url)
    with database.engine.connect() as connection:
        command.downgrade(migrations.configuration(connection), "base")
    assert inspect(database.engine).get_table_names() == ["alembic_version"]
    database.close()


@pytest.fixture
def of_before(tmp_path):
    """A host as the last version left it: (settings, database), with a board and its report."""
    made = settings.load(tmp_path)
    database = Database(made.url)
    with database.engine.connect() as connection:
        command.upgrade(migrations.configuration(connection), "0002")
        for line in (
            "INSERT INTO user VALUES (1, 'ada@x', '!', 'admin', '2026-01-01')",
            "INSERT INTO token VALUES (1, 1, 'd', 'browser', '2026-01-01', '2036-01-01')",
            "INSERT INTO device (id, secret_digest, state, owner_id, name, product, registered_at,"
            " registered_from, claim_code, online, retry_active, conflict_has_token) VALUES"
            " ('24a1', 's', 'claimed', 1, '', 'blink', '2026-02-01', '', NULL, 0, 0, 0),"
            " ('24a2', 's', 'unclaimed', NULL, '', 'blink', '2026-02-01', '', 'ABCD-EFGH', 0,"
            " 0, 0)",
            "INSERT INTO report (id, device_id, key, received_at, kind)"
            " VALUES (1, '24a1', 'k', '2026-03-01', 'app')",
        ):
            connection.exec_driver_sql(line)
        connection.commit()
    yield made, database
    database.close()


def test_what_the_last_version_kept_is_there_after_an_upgrade(of_before):
    made, database = of_before
    migrations.upgrade(made)
    with database.begin() as session:
        board, waiting = session.get(Device, "24a1"), session.get(Device, "24a2")
        assert (board.owner.email, board.owned_since) == ("ada@x", board.registered_at)
        assert (waiting.state, waiting.claim_digest) == ("unclaimed", None)
        assert [(one.kind, one.scopes) for one in session.query(Token)] == [("browser", None)]
        assert session.query(Report).count() == 1  # a table that is rebuilt takes nothing along


def test_an_upgrade_that_fails_changes_nothing(of_before, monkeypatch):
    made, database = of_before

    def fail(*_):
        raise RuntimeError("power")

    monkeypatch.setattr("alembic.operations.Operations.create_index", fail)
    before = inspect(database.engine).get_table_names()
    with pytest.raises(RuntimeError, match="power"):
        migrations.upgrade(made)
    assert inspect(database.engine).get_table_names() == before
    monkeypatch.undo()
    migrations.upgrade(made)


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
