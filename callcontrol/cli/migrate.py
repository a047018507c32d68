"""`callcontrol migrate`: brings the database schema to this version."""

from __future__ import annotations

from callcontrol.config import settings
from callcontrol.store import migrate as schema


def migrate() -> None:
    """Bring the database schema to this version; harmless when it is there already.

    Run it once before the engines of a new version start: those of the old version go on with
    the new schema. Everything is done in one transaction, or nothing.
    """
    before, now = schema.migrate(settings().dsn)
    if before == now:
        print(f"the schema is {now} already")
    else:
        print(f"the schema is now {now} (before: {before or 'an empty database'})")
