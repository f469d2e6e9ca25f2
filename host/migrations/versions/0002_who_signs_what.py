"""Keys and their people, proposals and signatures, versions seen, withdrawn releases."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    """Bring the tables up."""
    op.create_table(
        "signer",
        sa.Column("keyid", sa.String(length=64), nullable=False),
        sa.Column("public", sa.JSON(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_signer_user_id")),
        sa.PrimaryKeyConstraint("keyid", name=op.f("pk_signer")),
    )
    op.create_index(op.f("ix_signer_user_id"), "signer", ["user_id"])

    op.create_table(
        "seen_version",
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("role", name=op.f("pk_seen_version")),
    )

    op.create_table(
        "proposal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("base", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("issued", sa.DateTime(), nullable=False),
        sa.Column("product", sa.String(length=32), nullable=True),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["user.id"], name=op.f("fk_proposal_created_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal")),
    )
    op.create_index(op.f("ix_proposal_state"), "proposal", ["state"])

    op.create_table(
        "proposal_signature",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("proposal_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("keyid", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.String(length=2048), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["proposal_id"],
            ["proposal.id"],
            name=op.f("fk_proposal_signature_proposal_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_proposal_signature_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal_signature")),
        sa.UniqueConstraint(
            "proposal_id", "role", "keyid", name=op.f("uq_proposal_signature_proposal_id")
        ),
    )

    with op.batch_alter_table("release") as table:
        table.add_column(sa.Column("withdrawn_at", sa.DateTime(), nullable=True))
        table.add_column(sa.Column("withdrawn_why", sa.String(length=200), nullable=True))


def downgrade():
    """Take it back."""
    with op.batch_alter_table("release") as table:
        table.drop_column("withdrawn_why")
        table.drop_column("withdrawn_at")
    for name in ("proposal_signature", "proposal", "seen_version", "signer"):
        op.drop_table(name)
