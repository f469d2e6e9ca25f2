"""What the gate found of each release, and the states of a release's life."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_RELEASE = sa.table("release", sa.column("state"), sa.column("withdrawn_at"))


def upgrade():
    """Bring the tables up. What was ready before there was a gate counts as verified."""
    op.create_table(
        "verification",
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("queued_at", sa.DateTime(), nullable=False),
        sa.Column("queued_by", sa.String(length=254), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("beat_at", sa.DateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("check", sa.String(length=32), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("detail", sa.String(length=200), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=True),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["release_id"],
            ["release.id"],
            name=op.f("fk_verification_release_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("release_id", name=op.f("pk_verification")),
    )
    op.create_index(op.f("ix_verification_state"), "verification", ["state"])
    op.create_table(
        "finding",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("check", sa.String(length=32), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("title", sa.String(length=80), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("log", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("waived_at", sa.DateTime(), nullable=True),
        sa.Column("waived_by", sa.String(length=254), nullable=True),
        sa.Column("waived_why", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(
            ["release_id"], ["release.id"], name=op.f("fk_finding_release_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding")),
    )
    op.create_index(op.f("ix_finding_release_id"), "finding", ["release_id"])
    _rename("uploading", "draft")
    _rename("ready", "verified")
    where = _RELEASE.c.withdrawn_at.is_not(None)
    op.execute(_RELEASE.update().where(where).values(state="withdrawn"))


def downgrade():
    """Take it back."""
    op.execute(_RELEASE.update().where(_RELEASE.c.state != "draft").values(state="ready"))
    _rename("draft", "uploading")
    op.drop_table("finding")
    op.drop_table("verification")


def _rename(before, after):
    op.execute(_RELEASE.update().where(_RELEASE.c.state == before).values(state=after))
