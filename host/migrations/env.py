"""Run by Alembic: walks the migrations on the connection that was handed in."""

from alembic import context

from host.models import Base

connection = context.config.attributes["connection"]
is_sqlite = connection.dialect.name == "sqlite"
if is_sqlite:
    # A table is altered by building another and dropping it: without this all that refers to it
    # would be deleted along (sqlite.org/lang_altertable.html, section 7). Then all or nothing.
    connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    connection.exec_driver_sql("BEGIN IMMEDIATE")
# SQLite cannot alter a table in place: batches rebuild it.
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
if is_sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
    connection.rollback()
    raise RuntimeError("the migration would leave rows that refer to nothing: nothing was changed")
connection.commit()
if is_sqlite:
    connection.exec_driver_sql("PRAGMA foreign_keys = ON")
