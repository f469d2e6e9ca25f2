"""Rollouts, tags and time zones of devices, steps of assignments, tracebacks alike."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_GUARDS = {"update": "event_is_not_changed", "delete": "event_is_not_removed"}


def upgrade():
    """Bring the tables up."""
    op.create_table(
        "rollout",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("target", sa.JSON(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=True),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("reached_at", sa.DateTime(), nullable=True),
        sa.Column("judged_from", sa.DateTime(), nullable=True),
        sa.Column("starts_at", sa.DateTime(), nullable=True),
        sa.Column("ends_at", sa.DateTime(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["release_id"], ["release.id"], name="fk_rollout_release_id"),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name="fk_rollout_created_by_id"),
        sa.PrimaryKeyConstraint("id", name="pk_rollout"),
    )
    for column in ("release_id", "state", "created_by_id"):
        op.create_index(f"ix_rollout_{column}", "rollout", [column])
    with op.batch_alter_table("assignment") as table:
        table.add_column(sa.Column("rollout_id", sa.Integer(), nullable=True))
        table.add_column(sa.Column("step", sa.String(length=16), nullable=True))
        table.create_foreign_key(
            "fk_assignment_rollout_id", "rollout", ["rollout_id"], ["id"], ondelete="SET NULL"
        )
        table.create_index("ix_assignment_rollout_id", ["rollout_id"])
    op.create_table(
        "rollout_device",
        sa.Column("rollout_id", sa.Integer(), nullable=False),
        sa.Column("device_id", sa.String(length=32), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("is_held", sa.Boolean(), nullable=False),
        sa.Column("assignment_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["rollout_id"], ["rollout.id"], name="fk_rollout_device_rollout_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name="fk_rollout_device_device_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["assignment_id"],
            ["assignment.id"],
            name="fk_rollout_device_assignment_id",
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("rollout_id", "device_id", name="pk_rollout_device"),
    )
    for column in ("device_id", "assignment_id"):
        op.create_index(f"ix_rollout_device_{column}", "rollout_device", [column])
    with op.batch_alter_table("device") as table:
        table.add_column(sa.Column("tags", sa.JSON(), nullable=False, server_default="[]"))
        table.add_column(sa.Column("timezone", sa.String(length=64), nullable=True))
    with op.batch_alter_table("report") as table:
        table.add_column(sa.Column("fingerprint", sa.String(length=16), nullable=True))
    op.create_index("ix_report_assignment", "report", ["assignment"])
    _guard_events()


def _guard_events():
    """What happened stays on the record: SQLite itself refuses to change or remove it."""
    if op.get_bind().dialect.name != "sqlite":
        return
    for what, name in _GUARDS.items():
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {what.upper()} ON event "
            "BEGIN SELECT RAISE(ABORT, 'events are only ever added'); END"
        )


def downgrade():
    """Take it back."""
    if op.get_bind().dialect.name == "sqlite":
        for name in _GUARDS.values():
            op.execute(f"DROP TRIGGER IF EXISTS {name}")
    op.drop_index("ix_report_assignment", "report")
    with op.batch_alter_table("report") as table:
        table.drop_column("fingerprint")
    with op.batch_alter_table("device") as table:
        table.drop_column("timezone")
        table.drop_column("tags")
    op.drop_table("rollout_device")
    with op.batch_alter_table("assignment") as table:
        table.drop_index("ix_assignment_rollout_id")
        table.drop_constraint("fk_assignment_rollout_id", type_="foreignkey")
        table.drop_column("step")
        table.drop_column("rollout_id")
    op.drop_table("rollout")
