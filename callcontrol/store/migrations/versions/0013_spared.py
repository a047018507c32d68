"""Calls in progress tell when time was free, and what of their tariff was withheld."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the column."""
    op.execute("ALTER TABLE calls_in_progress ADD COLUMN spared jsonb NOT NULL DEFAULT '{}'")
