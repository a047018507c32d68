"""Reads of past calls what decides them again: a fraction of their records."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from callcontrol.routing import PastCall
from dialplan import Caller

if TYPE_CHECKING:
    from callcontrol.store.pool import Connection

_SELECT = """
    SELECT call_id, received_at, dialled, caller, caller_raw, caller_withheld FROM cdrs
    WHERE received_at >= $1 AND received_at < $2 AND ($3::text IS NULL OR number = $3)
    ORDER BY received_at, call_id
"""


async def past_calls(
    connection: Connection, since: datetime, until: datetime, number: str | None
) -> list[PastCall]:
    """Give the calls received at or after one instant and before another, oldest first.

    Args:
        connection: to Postgres.
        since: an aware instant.
        until: an aware instant.
        number: only calls to this number of ours, in E.164; none: all.
    """
    return [
        PastCall(
            call_id=str(row["call_id"]),
            called=row["dialled"],
            caller=Caller(
                raw=row["caller_raw"], number=row["caller"], withheld=row["caller_withheld"]
            ),
            at=row["received_at"],
        )
        for row in await connection.fetch(_SELECT, since, until, number)
    ]
