"""What an engine has in force of the reference, told to Postgres: for the portal and `check`.

Strategy: after each reading the engine writes which revision it has, and what is wrong with
rows it could not use. A fault that stays keeps the instant it was first seen at.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from dialplan import Fault

if TYPE_CHECKING:
    from callcontrol.store.pool import Connection

MOST_TOLD = 1000
"""Faults written of one engine; `callcontrol check` finds the others itself."""

_TELL = """
    WITH told AS (
        SELECT DISTINCT path, message
        FROM unnest($4::text[], $5::text[]) AS told (path, message)
    ), in_force AS (
        INSERT INTO reference_in_force AS known (engine, revision, read_at)
        VALUES ($1, $2, $3)
        ON CONFLICT (engine) DO UPDATE
        SET revision = excluded.revision, read_at = excluded.read_at
    ), gone AS (
        DELETE FROM reference_faults AS known
        WHERE engine = $1 AND NOT EXISTS (
            SELECT FROM told WHERE (told.path, told.message) = (known.path, known.message)
        )
    )
    INSERT INTO reference_faults (engine, path, message, since)
    SELECT $1, path, message, $3 FROM told
    ON CONFLICT DO NOTHING
"""


async def tell_in_force(
    connection: Connection,
    engine: str,
    revision: int,
    faults: Sequence[Fault],
    *,
    at: datetime,
) -> None:
    """Write what an engine has in force, in one round trip.

    Args:
        connection: outside a transaction.
        engine: its name.
        revision: as of which it has read.
        faults: of rows it could not use, or not wholly.
        at: the aware instant of the reading.
    """
    told = faults[:MOST_TOLD]
    paths, messages = [one.path for one in told], [one.message for one in told]
    await connection.execute(_TELL, engine, revision, at, paths, messages)


async def faults_since(connection: Connection) -> dict[tuple[str, str], datetime]:
    """Give since when any engine has known each fault, by path and message."""
    rows = await connection.fetch(
        "SELECT path, message, min(since) AS since FROM reference_faults GROUP BY 1, 2"
    )
    return {(row["path"], row["message"]): row["since"] for row in rows}
