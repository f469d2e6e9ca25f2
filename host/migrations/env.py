"""Run by Alembic: walks the migrations on the connection that was handed in."""

from alembic import context

from host.models import Base

connection = context.config.attributes["connection"]
# SQLite cannot alter a table in place: batches rebuild it.
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
connection.commit()
