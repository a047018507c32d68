"""The tables of requests for another level in running calls, and of what came of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from callcontrol.level_request import LevelOutcome, LevelRequest

if TYPE_CHECKING:
    from callcontrol.store.pool import Connection

REQUESTS = "callcontrol_level_requests"
OUTCOMES = "callcontrol_level_outcomes"

# What an engine may still have to deal with: as old as calls/level_requests.py takes it.
_OPEN = """
    SELECT level_request_text(request) FROM level_requests AS request
    WHERE coalesce(effective_at, asked_at) > clock_timestamp() - interval '1 hour' ORDER BY id
"""

# Kept so long for whoever wants to see what came of it; the records of the calls have it too.
_PRUNE = """
    DELETE FROM level_requests
    WHERE coalesce(effective_at, asked_at) < clock_timestamp() - interval '7 days'
"""

_WRITE = """
    INSERT INTO level_outcomes AS known (request, call_id, engine, in_force_at, refused)
    SELECT request, call_id, $1,
        timestamptz 'epoch' + interval '1 microsecond' * in_force_us, refused
    FROM jsonb_to_recordset($2)
        AS told (request bigint, call_id uuid, in_force_us bigint, refused text)
    -- A request that was taken away meanwhile has nobody who would ask.
    WHERE EXISTS (SELECT FROM level_requests WHERE id = request)
    ON CONFLICT DO NOTHING
"""

_READ = """
    SELECT request, call_id,
        (extract(epoch FROM in_force_at) * 1000000)::bigint AS in_force_us, refused
    FROM level_outcomes WHERE request = $1 ORDER BY call_id
"""

_ASK = """
    INSERT INTO level_requests (call_id, number, level, effective_at, asked_by)
    VALUES ($1::uuid, $2, $3, $4, coalesce($5, session_user::text)) RETURNING id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """A request that was taken away."""

    id: int


def request_of(text: str) -> LevelRequest | Withdrawn:
    """Read what Postgres tells of a request.

    Raises:
        ValueError: it is something else.
    """
    told = json.loads(text)
    try:
        if "withdrawn" in told:
            return Withdrawn(id=int(told["withdrawn"]))
        return LevelRequest(**told)
    except (TypeError, KeyError) as exc:
        raise ValueError(f"no request: {text[:80]!r}") from exc


async def open_requests(connection: Connection) -> list[LevelRequest]:
    """Give the requests that may have to be dealt with yet, oldest first."""
    rows = [request_of(row[0]) for row in await connection.fetch(_OPEN)]
    return [row for row in rows if isinstance(row, LevelRequest)]


async def prune_requests(connection: Connection) -> None:
    """Take away requests that are a week old, with what came of them."""
    await connection.execute(_PRUNE)


async def ask(
    connection: Connection,
    *,
    call_id: str | None = None,
    number: str | None = None,
    level: int,
    at: datetime | None = None,
    by: str | None = None,
) -> int:
    """Ask for another level; gives the request's number.

    Args:
        connection: to Postgres.
        call_id: the call, or
        number: the service number, of all its running calls.
        level: the number of the level, 1 to 90.
        at: from when it shall hold; None: at once.
        by: who asks; None: the database's user.
    """
    request: int = await connection.fetchval(_ASK, call_id, number, level, at, by)
    return request


async def withdraw(connection: Connection, request: int) -> None:
    """Take a request away; what has come of it already stays so."""
    await connection.execute("DELETE FROM level_requests WHERE id = $1", request)


async def write_outcomes(
    connection: Connection, engine: str, outcomes: Sequence[LevelOutcome]
) -> None:
    """Write what came of requests in an engine's calls; the same once more changes nothing."""
    rows = [
        {
            "request": one.request,
            "call_id": one.call_id,
            "in_force_us": one.in_force_us,
            "refused": one.refused,
        }
        for one in outcomes
    ]
    await connection.execute(_WRITE, engine, json.dumps(rows))


async def outcomes_of(connection: Connection, request: int) -> list[LevelOutcome]:
    """Give what has come of a request so far, in each call."""
    rows = await connection.fetch(_READ, request)
    return [LevelOutcome(**{**row, "call_id": str(row["call_id"])}) for row in rows]
