"""Groups, links, scopes of tokens, people who left; whose a device is, and codes as hashes."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_TOKEN = (
    ("kind", sa.String(length=16), "command-line"),
    ("last_used_from", sa.String(length=64), ""),
    ("agent", sa.String(length=200), ""),
)


def upgrade():
    """Bring the tables up. Boards that wait to be claimed get another code when they register."""
    op.create_table(
        "group",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group")),
        sa.UniqueConstraint("name", name=op.f("uq_group_name")),
    )
    op.create_table(
        "membership",
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["group.id"], name=op.f("fk_membership_group_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_membership_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("group_id", "user_id", name=op.f("pk_membership")),
    )
    op.create_index(op.f("ix_membership_user_id"), "membership", ["user_id"])
    op.create_table(
        "link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=True),
        sa.Column("created_by", sa.String(length=254), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link")),
        sa.UniqueConstraint("digest", name=op.f("uq_link_digest")),
    )
    op.create_index(op.f("ix_link_kind"), "link", ["kind"])
    op.create_index(op.f("ix_link_email"), "link", ["email"])
    op.add_column("user", sa.Column("deactivated_at", sa.DateTime(), nullable=True))
    _upgrade_tokens()
    _upgrade_devices()


def _upgrade_tokens():
    with op.batch_alter_table("token") as table:
        table.add_column(sa.Column("scopes", sa.JSON(none_as_null=True), nullable=True))
        table.add_column(sa.Column("last_used_at", sa.DateTime(), nullable=True))
        for name, kind, value in _TOKEN:
            table.add_column(sa.Column(name, kind, nullable=False, server_default=value))
    with op.batch_alter_table("token") as table:
        for name, kind, _ in _TOKEN:
            table.alter_column(name, existing_type=kind, server_default=None)
    op.execute("UPDATE token SET kind = 'browser' WHERE name = 'browser'")


def _upgrade_devices():
    with op.batch_alter_table("device") as table:
        table.drop_constraint("uq_device_claim_code", type_="unique")
        table.drop_column("claim_code")
        for name, kind in _DEVICE:
            table.add_column(sa.Column(name, kind, nullable=True))
        table.create_unique_constraint("uq_device_claim_digest", ["claim_digest"])
        for name, other in _REFERENCES:
            table.create_foreign_key(f"fk_device_{name}", other, [name], ["id"])
            table.create_index(f"ix_device_{name}", [name])
    op.execute("UPDATE device SET owned_since = registered_at WHERE owner_id IS NOT NULL")


def downgrade():
    """Take it back. What belongs to groups belongs to nobody then."""
    op.execute(
        "UPDATE device SET state = 'unclaimed' WHERE group_id IS NOT NULL AND state = 'claimed'"
    )
    with op.batch_alter_table("device") as table:
        for name, _ in _REFERENCES:
            table.drop_constraint(f"fk_device_{name}", type_="foreignkey")
            table.drop_index(f"ix_device_{name}")
        table.drop_constraint("uq_device_claim_digest", type_="unique")
        for name, _ in _DEVICE:
            table.drop_column(name)
        table.add_column(sa.Column("claim_code", sa.String(length=9), nullable=True))
        table.create_unique_constraint("uq_device_claim_code", ["claim_code"])
    with op.batch_alter_table("token") as table:
        for name in ("scopes", "last_used_at", *(name for name, _, _ in _TOKEN)):
            table.drop_column(name)
    with op.batch_alter_table("user") as table:
        table.drop_column("deactivated_at")
    for name in ("link", "membership", "group"):
        op.drop_table(name)


_DEVICE = (
    ("group_id", sa.Integer()),
    ("owned_since", sa.DateTime()),
    ("offered_to_id", sa.Integer()),
    ("offered_at", sa.DateTime()),
    ("claim_seed", sa.String(length=32)),
    ("claim_digest", sa.String(length=64)),
    ("board_code_digest", sa.String(length=64)),
    ("board_code_at", sa.DateTime()),
)
_REFERENCES = (("group_id", "group"), ("offered_to_id", "user"))
