"""The prompt a caller hears when no target has answered."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add it to the numbers."""
    op.execute("ALTER TABLE numbers ADD COLUMN failed_message text")
