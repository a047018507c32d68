"""Calls in progress tell which destinations were tried; and what code this schema serves.

The comment on Alembic's own table names the oldest schema whose code can work on this one, so
that an upgrade can be rolled back without touching the database. A migration that takes away
or changes what older code uses has to raise it.
"""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the column, and the comment."""
    op.execute("ALTER TABLE calls_in_progress ADD COLUMN attempts jsonb NOT NULL DEFAULT '[]'")
    op.execute("COMMENT ON TABLE alembic_version IS 'serves code from 0008'")
