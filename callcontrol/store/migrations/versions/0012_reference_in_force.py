"""What each engine has in force of the reference, and the rows it could not use.

A portal shows from these whether a change is live, and why one is not.
"""

from alembic import op

revision = "0012"
down_revision = "0011"

_IN_FORCE = """
    CREATE TABLE reference_in_force (
        engine text PRIMARY KEY,
        revision bigint NOT NULL,
        read_at timestamptz NOT NULL
    )
"""
_FAULTS = """
    CREATE TABLE reference_faults (
        engine text NOT NULL REFERENCES reference_in_force ON DELETE CASCADE,
        path text NOT NULL,
        message text NOT NULL,
        since timestamptz NOT NULL,
        PRIMARY KEY (engine, path, message)
    )
"""


def upgrade() -> None:
    """Create them."""
    op.execute(_IN_FORCE)
    op.execute(_FAULTS)
