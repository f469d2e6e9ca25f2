"""${message}"""

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade():
    """Bring the tables up."""
    ${upgrades if upgrades else "pass"}


def downgrade():
    """Take it back."""
    ${downgrades if downgrades else "pass"}
