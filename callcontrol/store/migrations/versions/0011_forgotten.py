"""Which records have had their personal parts removed, and what was forgotten when."""

from alembic import op

revision = "0011"
down_revision = "0010"

_LOG = """
    CREATE TABLE forgettings (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        who text NOT NULL DEFAULT session_user,
        before timestamptz NOT NULL,
        records bigint NOT NULL DEFAULT 0 CHECK (records >= 0),
        files bigint NOT NULL DEFAULT 0 CHECK (files >= 0),
        history bigint NOT NULL DEFAULT 0 CHECK (history >= 0),
        months text[] NOT NULL DEFAULT '{}',
        finished_at timestamptz
    )
"""


def upgrade() -> None:
    """Add them."""
    op.execute(
        "ALTER TABLE cdrs ADD COLUMN forgotten_at timestamptz,"
        " ADD CONSTRAINT forgotten_is_forgotten"
        " CHECK (forgotten_at IS NULL OR (caller IS NULL AND caller_raw = ''))"
    )
    op.execute(_LOG)
